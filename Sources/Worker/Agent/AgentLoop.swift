import Logging
import PodlingAgent
import PodlingClient
import PodlingClock
import PodlingProtocol

/// The event queue of `AgentCore`: feeds it one event at a time and executes its actions, without waiting for any of
/// them.
///
/// Engine calls, streams of output, the connection and the timer are tasks of their own, so a heartbeat waits for none.
actor AgentLoop {
    enum Job: Hashable {
        case connection
        case timer
        case prepare(AttemptKey)
        case logs(Int)
        case call(Int)
    }

    let runtime: any ContainerRuntime
    let nodeId: String
    private let masters: [MasterAddress]
    private let token: AccessToken?
    /// The address connected to last: a leader that is named there is connected to with the same settings.
    private var dialled: MasterAddress?
    private let logger: Logger
    private let origin = ContinuousClock.now
    private let ends: AsyncStream<Void>
    private let endContinuation: AsyncStream<Void>.Continuation

    private var core: AgentCore
    private var writer = JSONWriter()
    private var connection: LineConnection?
    /// Why this side closes the connection; nil where it does not.
    private var closing: String?
    private var jobs: [Job: Task<Void, Never>] = [:]
    /// Flow control of the open streams of output, by subscription.
    private var credits: [Int: LogCredit] = [:]
    private var nextCall = 0
    private var timerDeadline: Int64?
    /// Whether the loop has ended: later events are ignored.
    private var hasEnded = false

    init(
        configuration: AgentConfiguration,
        adopted: [AdoptedContainer],
        masters: [MasterAddress],
        token: AccessToken? = nil,
        runtime: any ContainerRuntime,
        logger: Logger
    ) {
        core = AgentCore(configuration: configuration, adopted: adopted)
        nodeId = configuration.nodeId
        self.masters = masters
        self.token = token
        self.runtime = runtime
        self.logger = logger
        (ends, endContinuation) = AsyncStream.makeStream()
    }

    /// Returns once the core has finished, or `end` was called.
    func run() async {
        handle(.tick)
        for await _ in ends {}
        hasEnded = true
        for (job, task) in jobs where job != .connection { task.cancel() }
        if let connection {
            connection.close()
            _ = await connection.waitUntilClosed()
        }
        jobs[.connection]?.cancel()
        jobs = [:]
    }

    nonisolated func end() { endContinuation.finish() }

    func handle(_ event: AgentEvent) {
        guard !hasEnded else { return }
        let actions = core.handle(event, now: now, wall: WallClock.milliseconds(), jitter: .random(in: 0..<1))
        for action in actions { perform(action) }
        armTimer()
    }

    /// Milliseconds of a clock that continues while the machine sleeps, as the lease does.
    private var now: Int64 { Int64((ContinuousClock.now - origin) / .milliseconds(1)) }

    private func armTimer() {
        let deadline = core.nextDeadline
        guard deadline != timerDeadline else { return }
        timerDeadline = deadline
        jobs.removeValue(forKey: .timer)?.cancel()
        guard let deadline else { return }
        let instant = origin + .milliseconds(deadline)
        jobs[.timer] = Task {
            do { try await Task.sleep(until: instant, clock: .continuous) } catch { return }
            timerFired(deadline)
        }
    }

    private func timerFired(_ deadline: Int64) {
        guard deadline == timerDeadline else { return }
        timerDeadline = nil
        handle(.tick)
    }

    private func perform(_ action: AgentAction) {
        switch action {
        case .connect(let address): jobs[.connection] = Task { await converse(masters[address]) }
        case .connectLeader(let text):
            jobs[.connection] = Task {
                do {
                    await converse(try dialled?.leader(text, among: masters) ?? MasterAddress(parsing: text))
                } catch {
                    handle(.disconnected("\(error)"))
                }
            }
        case .disconnect(let why):
            // The core logs the consequence, once.
            logger.debug("closing the connection: \(why)")
            closing = why
            jobs[.connection]?.cancel()
        case .send(let request): send(request)
        case .streamLogs(let request, let containerId): forwardLogs(request, containerId)
        case .stopLogs(let subscription): jobs.removeValue(forKey: .logs(subscription))?.cancel()
        case .grantLogs(let subscription, let bytes): credits[subscription]?.grant(upTo: bytes)
        case .abandonPrepare(let key): jobs.removeValue(forKey: .prepare(key))?.cancel()
        case .note(let note): log(note)
        case .finish: end()
        case .prepare, .create, .start, .wait, .stop, .discard, .remove, .probe: callEngine(action)
        }
    }

    private func log(_ note: AgentNote) {
        let level: Logger.Level =
            switch note.level {
            case .debug: .debug
            case .info: .info
            case .warning: .warning
            }
        let metadata: Logger.Metadata? = note.key.map { ["taskId": "\($0.taskId)", "attempt": "\($0.attempt)"] }
        logger.log(level: level, "\(note.text)", metadata: metadata)
    }

    private func send(_ request: WorkerRequest) {
        writer.removeAll(shrinkAboveBytes: Limits.specBytesMax)
        request.write(to: &writer, token: token?.secret)
        connection?.send(writer.withUnsafeBytes { [UInt8]($0) })
    }

    /// Runs one connection from connecting to its end.
    private func converse(_ address: MasterAddress) async {
        var why: String
        var isLasting = false
        dialled = address
        do {
            let connection = try await LineConnection.connect(to: address, isForToken: token != nil)
            self.connection = connection
            logger.info("dialled; hello follows", metadata: ["master": "\(address)"])
            handle(.connected)
            var reader = MasterLineReader(nodeId: nodeId)
            for try await line in connection.inbound {
                do {
                    handle(.message(try reader.read(line)))
                } catch {
                    logger.warning("a line from the master makes no sense: \(error)")
                }
            }
            why = connection.closedReason?.describes(address) ?? "closed"
        } catch let error as LineConnectionError {
            (why, isLasting) = (error.describes(address), error.isLasting)
        } catch {
            why = (error is CancellationError ? closing : nil) ?? "\(error)"
        }
        closing = nil
        connection = nil
        handle(.disconnected(why, isLasting: isLasting))
    }

    /// Runs `body` as a task next to the loop; its result is the next event.
    func spawn(_ job: Job? = nil, _ body: @escaping @Sendable () async -> AgentEvent?) {
        nextCall += 1
        let job = job ?? .call(nextCall)
        jobs[job] = Task {
            let event = await body()
            guard !Task.isCancelled else { return }
            jobs[job] = nil
            if let event { handle(event) }
        }
    }

    private func forwardLogs(_ request: LogRequestFromMaster, _ containerId: String) {
        guard let connection else { return }
        let credit = LogCredit(windowBytes: request.windowBytes)
        credits[request.subscription] = credit
        let forwarder = LogForwarder(request: request, containerId: containerId, runtime: runtime, credit: credit)
        spawn(.logs(request.subscription)) { [weak self] in
            await forwarder.run(to: connection)
            await self?.forget(credit, of: request.subscription)
            return .logsEnded(subscription: request.subscription)
        }
    }

    private func forget(_ credit: LogCredit, of subscription: Int) {
        if credits[subscription] === credit { credits[subscription] = nil }
    }
}
