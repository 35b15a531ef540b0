import PodlingProtocol

/// A client that reconnects with jittered back-off, and retries what failed.
///
/// The first connection is attempted once, and again while masters answer of which none leads; after the first success
/// it reconnects on every transient failure.
public actor MasterLink {
    /// How long one `perform` retries where the initialiser sets no other time.
    public static let retrySecondsDefault = 60
    /// A connection that held this long counts as stable: the back-off starts over.
    private static let steadySeconds = 10
    /// A failover takes seconds: a client that looks for the leader retries often.
    private static let leaderMilliseconds = 200...1_000
    /// Longest delay between two attempts, even where a master asks for more.
    static let delayMillisecondsMax = 5_000
    /// Where one of several masters shuts down, the next one is tried soon.
    private static let nextMilliseconds = 20...100

    /// A master that no longer leads, or shuts down, moves to the end.
    private var addresses: [MasterAddress]
    private let options: PodlingClient.Options
    private let retrySeconds: Int
    private let onRetry: @Sendable (any Error) -> Void
    private var client: PodlingClient?
    private var connectedAt: ContinuousClock.Instant?
    private var hasConnected = false
    private var hasTold = false
    private var backoff = Backoff(milliseconds: 100...Int64(delayMillisecondsMax))

    /// Connects to nothing yet: the first `perform` does.
    ///
    /// - Parameters:
    ///   - addresses: the masters to try, in this order.
    ///   - options: the client's name, its token and its time limits.
    ///   - retrySeconds: how long one `perform` retries after a transient failure.
    ///   - onRetry: called once for a failure when retrying begins, whichever caller waits.
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

    /// Runs `body` with a connected client, and retries it on transient failures.
    ///
    /// `body` must be idempotent: a submit needs an idempotency key.
    /// - Throws: what `body` throws, `ClientError`, `PodlingError` where the master rejects the client.
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
                // A silent master may be unreachable: a new connection will show.
                if case .deadlineExceeded? = error as? ClientError { client?.close() }
                if (error as? PodlingError)?.isNotLeader == true {
                    if let client { putLast(client.address) }
                    close()
                }
                guard now < end else { throw error }
                // For a lost connection, `connected` applies the back-off.
                if let client, client.isClosed { continue }
                let delay = Duration.milliseconds(delayMilliseconds(error))
                guard now + delay < end else { throw error }
                try await Task.sleep(for: delay)
            }
        }
    }

    /// Closes the current connection; the next `perform` makes a new one.
    public func close() {
        client?.close()
        client = nil
    }

    /// Whether the failure is transient: a retry may succeed, on this connection or on a new one.
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
        // Another caller may have connected while this one waited.
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
