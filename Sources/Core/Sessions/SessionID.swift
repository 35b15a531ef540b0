/// The identity of a connection. The shell assigns the slot; the generation distinguishes successive connections in it.
public struct SessionID: Sendable, Hashable {
    private let raw: Int32
    public let generation: UInt32
    public var slot: Int { Int(raw) }

    public init(slot: Int, generation: UInt32) {
        raw = Int32(truncatingIfNeeded: slot)
        self.generation = generation
    }
}
