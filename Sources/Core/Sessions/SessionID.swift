/// One connection. The shell gives the slot; the generation tells its users apart.
public struct SessionID: Sendable, Hashable {
    private let raw: Int32
    public let generation: UInt32
    public var slot: Int { Int(raw) }

    public init(slot: Int, generation: UInt32) {
        raw = Int32(truncatingIfNeeded: slot)
        self.generation = generation
    }
}
