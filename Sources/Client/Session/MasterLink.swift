import PodlingProtocol

/// A client that comes back: it reconnects with jittered back-off, and tries what failed again.
///
/// The first connection is tried once, and again while masters answer of which none leads; only one that was had is
/// sought again otherwise.
public actor MasterLink {
    public static let retrySecondsDefault = 60
    /// A connection that held this long was a good one: the back-off starts anew.
    private static let steadySeconds = 10
    /// A lead is taken over within seconds: who looks for it looks often.
    private static let leaderMilliseconds = 200...1_000
    /// Between two tries, also where a master wishes for more.
    static let delayMillisecondsMax = 5_000
    /// Where one of several masters goes down, the others are there.
    private static let nextMilliseconds = 20...100

    /// One that leads no more, or goes down, comes last.
    private var addresses: [MasterAddress]
    private let options: PodlingClient.Options
    private let retrySeconds: Int
    private let onRetry: @Sendable (any Error) -> Void
    private var client: PodlingClient?
    private var connectedAt: ContinuousClock.Instant?
    private var hasConnected = false
    private var hasTold = false
    private var backoff = Backoff(milliseconds: 100...Int64(delayMillisecondsMax))

    /// - Parameters:
    ///   - retrySeconds: how long one `perform` goes on trying after a failure that may pass.
    ///   - onRetry: told once of a failure when the trying begins, whoever waits.
    public init(
        addresses: [MasterAddress],
        options: PodlingClient.Options = PodlingClient.Options(),
        retrySeconds: Int = retrySecondsDefault,
        onRetry: @escaping @Sendable (any Error) -> Void = { _ in }
    ) {
        self.addresses = addresses
        self.options = options
        self.retrySeconds = retrySeconds
        self.onRetry = onRetry
    }

    /// Runs `body` with a connected client, again and again while the failure is one that may pass.
    ///
    /// `body` must be safe to repeat: a submit needs an idempotency key.
    /// - Throws: what `body` throws, `ClientError`.
    public func perform<T: Sendable>(_ body: @Sendable (PodlingClient) async throws -> T) async throws -> T {
        var giveUpAt: ContinuousClock.Instant?
        while true {
            var startedAt = ContinuousClock.now
            do {
                let client = try await connected()
                startedAt = .now
                return try await body(client)
            } catch {
                guard hasConnected || Self.isWithoutLeader(error), Self.mayPass(error) else { throw error }
                let now = ContinuousClock.now
                if startedAt.duration(to: now) > .seconds(Self.steadySeconds) { giveUpAt = nil }
                if !hasTold { onRetry(error) }
                hasTold = true
                let end = giveUpAt ?? now + .seconds(retrySeconds)
                giveUpAt = end
                // A master that is silent may be gone: a new connection tells.
                if case .deadlineExceeded? = error as? ClientError { client?.close() }
                if (error as? PodlingError)?.isNotLeader == true {
                    if let client { putLast(client.address) }
                    close()
                }
                guard now < end else { throw error }
                // A lost connection waits in `connected`.
                if let client, client.isClosed { continue }
                let delay = Duration.milliseconds(delayMilliseconds(error))
                guard now + delay < end else { throw error }
                try await Task.sleep(for: delay)
            }
        }
    }

    /// Ends the connection there is.
    public func close() {
        client?.close()
        client = nil
    }

    /// Whether the same may succeed later, on this connection or on a new one.
    public static func mayPass(_ error: any Error) -> Bool {
        switch error {
        case let error as PodlingError: return error.isRetryable
        case let error as LineConnectionError: return !error.isLasting
        case let error as ClientError:
            switch error {
            case .unreachable, .noLeader, .deadlineExceeded: return true
            case .connectionLost(let reason): return !reason.isLasting
            case .refused, .notAMaster, .unsupportedVersion, .badReply, .badSpec: return false
            }
        default: return false
        }
    }

    private static func isWithoutLeader(_ error: any Error) -> Bool {
        if case .noLeader? = error as? ClientError { return true }
        return (error as? PodlingError)?.isNotLeader == true
    }

    private func connected() async throws -> PodlingClient {
        if let client, !client.isClosed { return client }
        if let lost = client {
            client = nil
            var delay = delayMilliseconds(nil, reconnect: lost.reconnectMilliseconds)
            if lost.reconnectMilliseconds != nil, addresses.count > 1 {
                putLast(lost.address)
                delay = Int.random(in: Self.nextMilliseconds)
            }
            try await Task.sleep(for: .milliseconds(delay))
        }
        let made = try await PodlingClient.connect(to: addresses, options: options)
        // Another caller may have been faster while this one waited.
        if let client, !client.isClosed { return client }
        client = made
        connectedAt = ContinuousClock.now
        hasConnected = true
        hasTold = false
        return made
    }

    private func putLast(_ address: MasterAddress) {
        let known = addresses.filter { $0.isSamePlace(as: address) }
        addresses.removeAll { $0.isSamePlace(as: address) }
        addresses += known
    }

    private func delayMilliseconds(_ error: (any Error)?, reconnect: ClosedRange<Int>? = nil) -> Int {
        if let connectedAt, connectedAt.duration(to: .now) > .seconds(Self.steadySeconds) {
            backoff.reset()
            self.connectedAt = nil
        }
        if let error, Self.isWithoutLeader(error) { return Int.random(in: Self.leaderMilliseconds) }
        var delay = Int(backoff.nextMilliseconds(jitter: .random(in: 0..<1)))
        if let wanted = (error as? PodlingError)?.retryAfterMilliseconds { delay = max(delay, wanted) }
        if let reconnect { delay = max(delay, Int.random(in: reconnect)) }
        return delay
    }
}
