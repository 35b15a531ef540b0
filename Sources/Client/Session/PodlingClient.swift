import NIOCore
import NIOPosix
import PodlingProtocol
import Synchronization

/// One connection to a master, for requests and subscriptions. It does not reconnect: `MasterLink` does that.
///
/// Thread-safe. Many requests may be in flight at once. When the last reference is released, the connection closes.
public final class PodlingClient: Sendable {
    /// The client's identity and time limits.
    public struct Options: Sendable {
        /// The name in the master's logs.
        public var agent = "podling-client"
        /// Time for TCP and TLS, for each address.
        public var connectTimeoutSeconds = LineConnection.connectTimeoutSecondsDefault
        /// Time from the end of that to the master's greeting.
        public var greetingTimeoutSeconds = 5
        /// Time from a request to its reply, where the call sets no other.
        public var requestTimeoutSeconds = 30
        /// Which of several masters to connect to.
        public var choice = MasterChoice.leader
        /// The token for a master that requires authentication.
        public var token: AccessToken?
        /// Whether to send hello even without the token that the master requires, so that its error says whom it
        /// admits.
        var saysHelloAlways = false

        /// The defaults: 5 s to connect, 5 s for the greeting, 30 s for a reply; the leader; no token.
        public init() {}
    }

    /// Which of several masters to connect to.
    public enum MasterChoice: Sendable {
        /// The one that leads; where none does, connecting fails with `ClientError.noLeader`.
        case leader
        /// For read-only clients: a standby where no leader is found.
        case leaderOrStandby
        /// The first that answers.
        case first
    }

    private static let hintsMax = 4
    /// How long to wait for a greeting in silence.
    private static let prodSeconds: Int64 = 1

    struct Waiter {
        let continuation: CheckedContinuation<Reply, any Error>
        let deadline: Scheduled<Void>
        let sink: (any EventSink)?
    }

    static let version = 1

    /// The address that the connection was made to.
    public let address: MasterAddress
    let options: Options
    private let connection: LineConnection
    private let timers: any EventLoop
    private let table = Mutex(RequestTable<Waiter, any EventSink>())

    private init(_ connection: LineConnection, options: Options, timers: any EventLoop) {
        self.address = connection.address
        self.connection = connection
        self.options = options
        self.timers = timers
    }

    deinit { connection.close() }

    /// Tries each address in turn, and the leader that a standby names, until a master matches the choice in `options`
    /// (proto-spec section 3.1).
    ///
    /// - Parameters:
    ///   - addresses: at least one.
    ///   - options: the client's name, its token and its time limits.
    ///   - group: the event loops to use.
    /// - Returns: the client, which has sent `hello`, except where the master asks for a token and there is none.
    /// - Throws: `ClientError` where no master could be used, `PodlingError` where one rejected the client.
    public static func connect(
        to addresses: [MasterAddress],
        options: Options = Options(),
        on group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) async throws -> PodlingClient {
        var reasons: [String] = []
        var isLasting = true
        var untried = addresses
        var hints: Set<MasterAddress> = []
        var standby: PodlingClient?
        var hasStandby = false
        var refusal: PodlingError?
        while !untried.isEmpty {
            let address = untried.removeFirst()
            do {
                let (client, hello) = try await connect(to: address, options: options, on: group)
                guard hello.isStandby, options.choice != .first else {
                    standby?.close()
                    return client
                }
                hasStandby = true
                reasons.append("\(address) stands by")
                if options.choice == .leaderOrStandby, standby == nil { standby = client } else { client.close() }
                let leader = hello.leader.flatMap { try? address.leader($0, among: addresses) }
                if let leader, hints.count < hintsMax, hints.insert(leader).inserted {
                    untried.removeAll { $0.isSamePlace(as: leader) }
                    untried.insert(leader, at: 0)
                }
            } catch let error as LineConnectionError {
                reasons.append(error.describes(address))
                isLasting = isLasting && error.isLasting
            } catch  where !untried.isEmpty || hasStandby {
                reasons.append("\(address): \(error)")
                if let error = error as? PodlingError, error.isRefusal { refusal = refusal ?? error }
                isLasting = isLasting && !MasterLink.mayPass(error)
            }
        }
        if let standby { return standby }
        if hasStandby { throw ClientError.noLeader(reasons) }
        // A rejection is reported first: the masters that are unreachable would reject this client too.
        if let refusal { throw refusal }
        throw isLasting ? ClientError.refused(reasons) : ClientError.unreachable(reasons)
    }

    private static func connect(
        to address: MasterAddress,
        options: Options,
        on group: any EventLoopGroup
    ) async throws -> (PodlingClient, MasterHello) {
        let connection = try await LineConnection.connect(
            to: address,
            on: group,
            timeoutSeconds: options.connectTimeoutSeconds,
            isForToken: options.token != nil
        )
        let client = PodlingClient(connection, options: options, timers: group.next())
        do {
            return (client, try await client.greet())
        } catch ClientError.connectionLost(let reason) where reason.isLasting {
            // A TLS 1.3 server rejects a client's certificate only now.
            throw reason
        }
    }

    private func greet() async throws -> MasterHello {
        // A master with TLS sends nothing to a client that speaks plaintext, until it has sent something.
        let prod = timers.scheduleTask(in: .seconds(Self.prodSeconds)) { [connection] in
            connection.send(Self.requestLine("ping", id: nil, Array("{}".utf8)))
        }
        defer { prod.cancel() }
        let greeting: Reply
        do {
            greeting = try await exchange(
                RequestTable<Waiter, any EventSink>.greetingId,
                line: nil,
                deadlineSeconds: options.greetingTimeoutSeconds
            )
        } catch ClientError.deadlineExceeded {
            close()
            throw ClientError.notAMaster(address)
        }
        guard let hello = try JSONReader.read(greeting.ok, { MasterHello($0) }) else {
            throw ClientError.notAMaster(address)
        }
        guard hello.versions.contains(Self.version) else {
            throw ClientError.unsupportedVersion(
                address,
                low: hello.versions.lowerBound,
                high: hello.versions.upperBound
            )
        }
        prod.cancel()
        // A client without credentials may still ping the master (proto-spec section 3.2).
        guard hello.authentication != "token" || options.token != nil || options.saysHelloAlways else { return hello }
        var object = ObjectWriter()
        object.int("proto", Self.version)
        object.string("role", "client")
        object.string("agent", options.agent)
        object.string("token", options.token?.secret)
        let reply = try await request("hello", object.finish())
        let epoch = try JSONReader.read(reply.ok) { $0["epoch"]?.string() }
        table.withLock { $0.epoch = epoch }
        return hello
    }

    /// Sends a request and waits for its reply. For an operation that has a method of its own, call that.
    ///
    /// - Parameters:
    ///   - operation: the name of the operation (proto-spec section 6).
    ///   - members: a JSON object with the request's members, without `op` and `id`.
    ///   - deadlineSeconds: the default is `Options.requestTimeoutSeconds`.
    /// - Returns: the `ok` of the reply.
    /// - Throws: `PodlingError` from the master, `ClientError`, `CancellationError`. After the last two the master may
    ///   have executed the request.
    public func request(
        _ operation: String,
        _ members: [UInt8] = Array("{}".utf8),
        deadlineSeconds: Int? = nil
    ) async throws -> Reply {
        try await request(operation, members, deadlineSeconds: deadlineSeconds, sink: nil)
    }

    func request(
        _ operation: String,
        _ members: [UInt8],
        deadlineSeconds: Int? = nil,
        sink: (any EventSink)?
    ) async throws -> Reply {
        let id = table.withLock { $0.nextId() }
        let line = Self.requestLine(operation, id: id, members)
        let seconds = deadlineSeconds ?? options.requestTimeoutSeconds
        return try await exchange(id, line: line, deadlineSeconds: seconds, sink: sink)
    }

    /// Closes the connection; pending requests fail with `connectionLost`.
    public func close() {
        connection.close()
    }

    /// When to reconnect, where the master has announced its shutdown.
    var reconnectMilliseconds: ClosedRange<Int>? { table.withLock { $0.reconnectMilliseconds } }

    /// The id of the master's run, which changes with each restart; nil where no `hello` was sent.
    public var epoch: String? { table.withLock { $0.epoch } }

    var isClosed: Bool { table.withLock { $0.closedBy != nil } }

    static func requestLine(_ operation: String, id: Int?, _ members: [UInt8]) -> [UInt8] {
        var object = ObjectWriter()
        object.string("op", operation)
        object.int("id", id)
        object.members(of: members)
        return object.finish()
    }

    /// - Parameter line: nil for the greeting, which is unsolicited, and with which reading begins.
    private func exchange(
        _ id: Int,
        line: [UInt8]?,
        deadlineSeconds: Int,
        sink: (any EventSink)? = nil
    ) async throws -> Reply {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let deadline = timers.scheduleTask(in: .seconds(Int64(deadlineSeconds))) { [weak self] in
                    self?.abandon(id, ClientError.deadlineExceeded(seconds: deadlineSeconds)) ?? ()
                }
                let waiter = Waiter(continuation: continuation, deadline: deadline, sink: sink)
                if let refusal = table.withLock({ $0.wait(id, waiter) }) {
                    deadline.cancel()
                    continuation.resume(throwing: refusal)
                    return
                }
                if let line { connection.send(line) } else { startReading() }
                if Task.isCancelled { abandon(id, CancellationError()) }
            }
        } onCancel: {
            abandon(id, CancellationError())
        }
    }

    private func abandon(_ id: Int, _ error: any Error) {
        guard let waiter = table.withLock({ $0.takeWaiter(id) }) else { return }
        waiter.deadline.cancel()
        waiter.continuation.resume(throwing: error)
    }

    private func startReading() {
        Task { [weak self, inbound = connection.inbound] in
            var failure: (any Error)?
            do {
                for try await line in inbound {
                    guard let pause = self?.received(line) else { continue }
                    await pause.waitForRoom()
                }
            } catch {
                failure = error
            }
            self?.ended(failure)
        }
    }
}

// The reader's side.
extension PodlingClient {
    /// - Returns: what to wait for before reading the next line.
    private func received(_ line: [UInt8]) -> ReadPause? {
        do {
            return try JSONReader.read(line) { received(IncomingLine($0), $0) }
        } catch {
            foreignLine()
            return nil
        }
    }

    private func received(_ line: IncomingLine, _ root: JSONValue) -> ReadPause? {
        switch line {
        case .reply(let id, let result):
            replied(id, result)
        case .hello:
            let reply = Reply(ok: [UInt8](root.raw), isDuplicate: false, subscription: nil)
            replied(RequestTable<Waiter, any EventSink>.greetingId, .success(reply))
        case .drain(let reconnectMilliseconds):
            table.withLock { $0.reconnectMilliseconds = reconnectMilliseconds }
        case .error(let error):
            if error.isFatal { table.withLock { $0.fatal = error } }
        case .event(let subscription):
            guard let sink = table.withLock({ $0.sink(subscription) }) else { return nil }
            switch sink.deliver(root) {
            case .goOn: break
            case .pause(let pause): return pause
            case .finished: table.withLock { _ = $0.takeSink(subscription) }
            }
        case .unknown:
            break
        case .foreign:
            foreignLine()
        }
        return nil
    }

    private func replied(_ id: Int?, _ result: Result<Reply, PodlingError>) {
        if case .failure(let error) = result, error.isFatal { table.withLock { $0.fatal = error } }
        guard let id else { return }
        let subscription = try? result.get().subscription
        let waiter = table.withLock { table in
            let waiter = table.takeWaiter(id)
            if let subscription, let sink = waiter?.sink { table.subscribe(subscription, sink) }
            return waiter
        }
        guard let waiter else {
            // The caller has been cancelled: nobody would read these events.
            if let subscription { unsubscribe(subscription) }
            return
        }
        waiter.deadline.cancel()
        waiter.continuation.resume(with: result.mapError { $0 })
        if let subscription, let sink = waiter.sink {
            sink.pause.onEnd { [weak self] in self?.consumerLeft(subscription) }
        }
    }

    private func consumerLeft(_ subscription: Int) {
        guard table.withLock({ $0.takeSink(subscription) }) != nil else { return }
        unsubscribe(subscription)
    }

    private func unsubscribe(_ subscription: Int) {
        var object = ObjectWriter()
        object.int("sub", subscription)
        connection.send(Self.requestLine("unsubscribe", id: nil, object.finish()))
    }

    private func foreignLine() {
        finish(ClientError.notAMaster(address))
        connection.close()
    }

    private func ended(_ failure: (any Error)?) {
        let reason = failure as? LineConnectionError ?? connection.closedReason ?? .closedByPeer
        finish(ClientError.connectionLost(reason))
    }

    private func finish(_ error: any Error) {
        let (waiters, sinks, reason) = table.withLock { $0.close(error) }
        for waiter in waiters {
            waiter.deadline.cancel()
            waiter.continuation.resume(throwing: reason)
        }
        for sink in sinks { sink.finish(reason) }
    }
}
