import NIOConcurrencyHelpers
import NIOCore

/// The connections of the HTTP port: how many there may be, and which has to go for one more.
///
/// Requests are bounded, and connections without one only by making room: the one that was idle longest goes. So silent
/// connections keep nobody out, and beside all the requests there may be there is room to ask how the master is.
final class HTTPConnections: Sendable {
    private struct Entry {
        let channel: any Channel
        /// Grows with every change: the idle one with the smallest has been so for the longest time.
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

    /// Connections that only ask how the master is (`/health`, `/ready`, `/leader`), which others cannot take.
    static let reservedForProbes = 16

    private let requestsMax: Int
    private let state = NIOLockedValueBox(State())

    /// - Parameter requestsMax: connections that may have a request under way.
    init(requestsMax: Int) { self.requestsMax = requestsMax }

    /// A connection was made, and has still to send the head of a request.
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

    /// A request begins.
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

    /// All requests of the connection are answered.
    func isIdle(_ channel: any Channel) { state.withLockedValue { $0.set(ObjectIdentifier(channel), .none) } }

    private func closed(_ id: ObjectIdentifier) {
        let entry = state.withLockedValue { state in
            state.set(id, .none)
            return state.entries.removeValue(forKey: id)
        }
        // Else the last reference might go while the lock is held.
        withExtendedLifetime(entry) {}
    }
}
