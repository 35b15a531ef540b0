import PodlingAgent
import PodlingCore
import PodlingProtocol

/// A worker: the real `AgentCore`, line reader and request writer, in a shell that is all events.
final class WorkerProcess: Process, SocketOwner {
    private static let discardRetryMilliseconds: ClosedRange<Int64> = 500...10_000

    let node: String
    let engine: Engine
    private let slots: Int
    private var core: AgentCore?
    private var reader: MasterLineReader
    private var decoder = LineDecoder(lineBytesMax: Limits.lineBytesMax)
    private var writer = JSONWriter()
    private var socket: Socket?
    private var timerDeadline: Int64?
    private var streams: [Int: LogSource] = [:]
    /// The attempts whose pull is no longer awaited.
    private var pulls: [AttemptKey: Int] = [:]
    private var nextPull = 0
    let lease: LeaseWitness

    init(_ world: World, number: Int, host: Int) {
        node = "n\(number)"
        engine = Engine(world, node: node)
        slots = 2 + number
        reader = MasterLineReader(nodeId: node)
        lease = LeaseWitness()
        super.init(world, "worker \(node)", host: host)
    }

    var hasConnection: Bool { socket?.isOpen == true }
    var slotCount: Int { slots }

    // MARK: Life

    override func started() { findContainers() }

    private func findContainers() {
        let number = incarnation
        engine.list { [self] result in
            after(0) { [self] in
                guard number == incarnation else { return }
                switch result {
                case .success(let found): begin(found)
                case .failure: after(random.inside(500_000...3_000_000)) { [self] in findContainers() }
                }
            }
        }
    }

    private func begin(_ found: [AdoptedContainer]) {
        var configuration = AgentConfiguration(
            nodeId: node,
            instance: "\(node)-\(incarnation)",
            slots: slots,
            cpuMillis: 4_000,
            memoryBytes: 8 << 30,
            labels: [AgentLabel(name: "zone", value: node)]
        )
        configuration.addressCount = world.cluster.masters.count
        configuration.keepFinishedCount = 10
        configuration.keepFinishedSeconds = 60
        configuration.stopsOnExit = random.once(in: 2)
        if !found.isEmpty { world.used("adopted containers") }
        core = AgentCore(configuration: configuration, adopted: found)
        handle(.tick)
    }

    override func ended() {
        core = nil
        socket = nil
        streams = [:]
        pulls = [:]
        timerDeadline = nil
        lease.forget()
    }

    /// Asks it to end, as by SIGTERM.
    func stop() { if core != nil { handle(.shutdown) } }

    // MARK: The core

    private func handle(_ event: AgentEvent) {
        guard isUp, core != nil else { return }
        let tick = tick
        guard
            let actions = core?.handle(
                event,
                now: tick.monotonic,
                wall: tick.wall,
                jitter: random.fraction()
            )
        else { return }
        for action in actions where isUp { perform(action) }
        armTimer()
    }

    /// An event from outside of this process's own calls.
    private func later(_ number: Int, _ event: AgentEvent) {
        after(0) { [self] in if number == incarnation { handle(event) } }
    }

    private func armTimer() {
        guard isUp, let deadline = core?.nextDeadline, deadline != timerDeadline else { return }
        timerDeadline = deadline
        after(max(0, deadline - monotonic) * 1_000) { [self] in
            guard timerDeadline == deadline else { return }
            timerDeadline = nil
            handle(.tick)
        }
    }

    private func perform(_ action: AgentAction) {
        let number = incarnation
        switch action {
        case .connect(let address): connect(world.cluster.masters[address])
        case .connectLeader(let text):
            world.used("worker follows a standby")
            guard let master = world.cluster.masters.first(where: { $0.address == text }) else {
                return later(number, .disconnected("no such master"))
            }
            connect(master)
        case .disconnect: socket?.reset()
        case .send(let request): send(request)
        case .streamLogs(let request, _): beginStream(request)
        case .stopLogs(let subscription): streams[subscription] = nil
        case .grantLogs(let subscription, let bytes):
            streams[subscription]?.window.grant(upTo: bytes)
            continueStream(subscription)
        case .note(let note):
            world.trace("\(name): \(note.text) \(note.key.map { "\($0.taskId)/\($0.attempt)" } ?? "")")
        case .finish: kill()
        case .abandonPrepare(let key): pulls[key] = nil
        case .prepare(let key, let image, let policy):
            nextPull += 1
            let pull = nextPull
            pulls[key] = pull
            engine.prepare(image, policy) { [self] result in
                after(0) { [self] in
                    guard number == incarnation, pulls[key] == pull else { return }
                    pulls[key] = nil
                    handle(Self.event(key, .prepare, result) { .prepared(key) })
                }
            }
        case .create(let spec):
            engine.create(spec) { [self] result in
                later(number, Self.event(spec.key, .create, result) { .created(spec.key, containerId: $0) })
            }
        case .start(let key, let id):
            world.cluster.checkers.mayStart(key, by: self)
            let wall = tick.wall
            engine.start(id) { [self] result in
                later(number, Self.event(key, .start, result) { .started(key, atMilliseconds: wall) })
            }
        case .wait(let key, let id):
            engine.wait(id) { [self] result in
                later(number, Self.event(key, .wait, result) { .exited(key, $0) })
            }
        case .stop(let key, let id, let grace):
            engine.stop(id, graceSeconds: grace) { [self] result in
                if case .failure(let error) = result { later(number, .failed(key, .stop, error)) }
            }
        case .discard(let key, let id): discard(key, id, Backoff(milliseconds: Self.discardRetryMilliseconds))
        case .remove(let id): engine.remove(id)
        case .probe: engine.probe { [self] error in later(number, .probed(error)) }
        }
    }

    private static func event<T>(
        _ key: AttemptKey,
        _ step: EngineStep,
        _ result: Result<T, RuntimeError>,
        _ success: (T) -> AgentEvent
    ) -> AgentEvent {
        switch result {
        case .success(let value): success(value)
        case .failure(let error): .failed(key, step, error)
        }
    }

    private func discard(_ key: AttemptKey, _ id: String?, _ backoff: Backoff) {
        let number = incarnation
        engine.discard(key, id) { [self] result in
            after(0) { [self] in
                guard number == incarnation else { return }
                if case .success = result { return handle(.discarded(key)) }
                var backoff = backoff
                let delay = backoff.nextMilliseconds(jitter: random.fraction())
                after(delay * 1_000) { [self] in discard(key, id, backoff) }
            }
        }
    }

    // MARK: The connection

    private func connect(_ master: MasterProcess) {
        let number = incarnation
        world.cluster.network.connect(self, to: master) { [self] made in
            after(0) { [self] in
                guard number == incarnation else { return }
                guard let made, made.isOpen else { return handle(.disconnected("refused")) }
                decoder = LineDecoder(lineBytesMax: Limits.lineBytesMax)
                reader = MasterLineReader(nodeId: node)
                socket = made
                made.owner = self
                made.isReading = true
                handle(.connected)
            }
        }
    }

    private func send(_ request: WorkerRequest) {
        writer.removeAll(shrinkAboveBytes: Limits.specBytesMax)
        request.write(to: &writer)
        writer.newline()
        if let id = request.id { lease.sent(id, request.body, at: world.now) }
        writer.withUnsafeBytes { socket?.send($0) }
    }

    func received(_ bytes: [UInt8], on socket: Socket) {
        guard socket === self.socket else { return }
        var lines: [[UInt8]] = []
        _ = bytes.withUnsafeBytes { bytes in
            decoder.process(bytes) { line in
                lines.append([UInt8](line))
                return true
            }
        }
        for line in lines where isUp && socket === self.socket { take(line) }
    }

    private func take(_ line: [UInt8]) {
        guard let message = try? reader.read(line) else {
            return world.fail("lines", "\(name) cannot read \(String(decoding: line, as: UTF8.self))")
        }
        switch message {
        case .assign(let key, _):
            world.used("assignment")
            world.trace("\(name) is assigned \(key.taskId)/\(key.attempt)")
            world.cluster.checkers.assigned(key, to: node)
        case .reply(let id?, let reply): heard(id, reply)
        default: break
        }
        handle(.message(message))
    }

    private func heard(_ id: Int, _ reply: MasterReply) {
        guard let request = lease.answered(id, reply) else { return }
        if case .failed(let fault) = reply, fault.means(.staleAttempt) { world.used("stale report refused") }
        guard case .ok = reply, case .status(let key, let report) = request else { return }
        world.used("report acknowledged")
        world.cluster.checkers.acknowledgedReport(key, report, of: node)
    }

    func inputClosed(on socket: Socket) { socket.reset() }
    func wrote(on socket: Socket) {}

    func closed(_ socket: Socket) {
        guard socket === self.socket else { return }
        self.socket = nil
        streams = [:]
        lease.disconnected()
        later(incarnation, .disconnected("closed"))
    }

    // MARK: Output

    private func beginStream(_ request: LogRequestFromMaster) {
        world.used("log stream")
        streams[request.subscription] = LogSource(request: request, chunkCount: 1 + random.below(12))
        continueStream(request.subscription)
    }

    private func continueStream(_ subscription: Int) {
        guard let socket, var source = streams[subscription], !source.isWaiting else { return }
        source.isWaiting = true
        streams[subscription] = source
        after(random.inside(500...20_000)) { [self] in
            guard self.socket === socket, var source = streams[subscription] else { return }
            source.isWaiting = false
            defer { streams[subscription] = source }
            guard source.chunkCount > 0 else {
                var end = JSONWriter(capacityBytes: 128)
                WorkerRequest(id: nil, .logEnd(subscription: subscription, LogEndReport())).write(to: &end)
                end.newline()
                end.withUnsafeBytes { socket.send($0) }
                return later(incarnation, .logsEnded(subscription: subscription))
            }
            let size = random.once(in: 4) ? 20_000 : 200
            guard source.window.send(size) else { return }
            source.chunkCount -= 1
            for line in source.encoder.encode(LogChunk(.stdout, [UInt8](repeating: 0x61, count: size))) {
                socket.send(line.text + [0x0A])
            }
            after(0) { [self] in continueStream(subscription) }
        }
    }
}

/// What one reader gets of a container's output.
private struct LogSource {
    var encoder: LogLineEncoder
    var window: LogWindow
    var chunkCount: Int
    var isWaiting = false

    init(request: LogRequestFromMaster, chunkCount: Int) {
        encoder = LogLineEncoder(subscription: request.subscription)
        window = LogWindow(windowBytes: request.windowBytes)
        self.chunkCount = chunkCount
    }
}
