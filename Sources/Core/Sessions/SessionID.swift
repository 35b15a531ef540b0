/// The identity of a connection. The shell assigns the slot; the generation distinguishes successive connections in it.
package struct SessionID: Sendable, Hashable {
    private let raw: Int32
    package let generation: UInt32
    package var slot: Int { Int(raw) }

    package init(slot: Int, generation: UInt32) {
        raw = Int32(truncatingIfNeeded: slot)
        self.generation = generation
    }
}
