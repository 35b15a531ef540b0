import NIOConcurrencyHelpers

/// Whether the master's event loop still takes what comes through the door: a promise that is made there after its end is
/// never kept.
final class DoorGate: Sendable {
    private let isOpen = NIOLockedValueBox(true)

    /// - Throws: `DoorClosed` once the gate is closed.
    func pass<R>(_ body: () -> R) throws -> R {
        try isOpen.withLockedValue { isOpen in
            guard isOpen else { throw DoorClosed() }
            return body()
        }
    }

    func close() { isOpen.withLockedValue { $0 = false } }
}
