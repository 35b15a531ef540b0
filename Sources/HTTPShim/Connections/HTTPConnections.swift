import NIOConcurrencyHelpers
import NIOCore

/// The connections of the HTTP port: their limit, and which is evicted for a new one.
///
/// Requests have a limit; idle connections are bounded by eviction only: the one that was idle longest is closed. So
/// silent connections cannot block others, and there is capacity for health probes in addition to the greatest number
/// of requests.
final class HTTPConnections: Sendable {
    private struct Entry {
        let channel: any Channel
        /// A counter that grows with every change: the idle connection with the smallest value has been idle longest.
        var since: Int
        var work = Work.none
    }

    private enum Work {
        case none
        case probe
        case request
    }

    private struct State {
        var entries: [ObjectIdentifier: Entry] = [:]
        var requestCount = 0
        var changes = 0

        mutating func set(_ id: ObjectIdentifier, _ work: Work) {
            guard let old = entries[id]?.work else { return }
            requestCount += (work == .request ? 1 : 0) - (old == .request ? 1 : 0)
            changes += 1
            entries[id]?.work = work
            entries[id]?.since = changes
        }
    }

    /// Capacity for health probes (`/health`, `/ready`, `/leader`), which other requests cannot take.
    static let reservedForProbes = 16

    private let requestsMax: Int
    private let state = NIOLockedValueBox(State())

    /// - Parameter requestsMax: connections that may have a request in progress.
    init(requestsMax: Int) { self.requestsMax = requestsMax }

    /// Adds a connection, which has not sent the head of a request yet.
    func opened(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        let victim = state.withLockedValue { state -> (any Channel)? in
            var idle: (key: ObjectIdentifier, value: Entry)?
            if state.entries.count >= requestsMax + Self.reservedForProbes {
                idle = state.entries.filter { $0.value.work == .none }.min { $0.value.since < $1.value.since }
                guard let key = idle?.key else { return channel }
                state.entries[key] = nil
            }
            state.changes += 1
            state.entries[id] = Entry(channel: channel, since: state.changes)
            return idle?.value.channel
        }
        channel.closeFuture.whenComplete { _ in self.closed(id) }
        victim?.close(promise: nil)
    }

    /// Begins a request.
    /// - Returns: false where there are too many.
    func begins(_ channel: any Channel, isProbe: Bool) -> Bool {
        state.withLockedValue { state in
            let id = ObjectIdentifier(channel)
            guard let work = state.entries[id]?.work else { return false }
            if isProbe {
                if work == .none { state.set(id, .probe) }
                return true
            }
            guard work != .request else { return true }
            guard state.requestCount < requestsMax else { return false }
            state.set(id, .request)
            return true
        }
    }

    /// Marks a connection as idle: all its requests are answered.
    func isIdle(_ channel: any Channel) { state.withLockedValue { $0.set(ObjectIdentifier(channel), .none) } }

    private func closed(_ id: ObjectIdentifier) {
        let entry = state.withLockedValue { state in
            state.set(id, .none)
            return state.entries.removeValue(forKey: id)
        }
        // Otherwise the last reference might be released while the lock is held.
        withExtendedLifetime(entry) {}
    }
}
