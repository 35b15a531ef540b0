import NIOConcurrencyHelpers

/// Guards the in-process transport against use after the end of the master's event loop: a promise that is made there
/// then is never completed.
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
