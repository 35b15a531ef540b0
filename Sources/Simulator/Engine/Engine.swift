import PodlingAgent

/// A container of a simulated engine.
struct Container {
    enum State {
        case created
        case running
        case exited(ExitStatus)
    }

    var id: String
    var key: AttemptKey
    var state = State.created
    /// How it ends if nobody stops it.
    var exitCode: Int
    var runMilliseconds: Int64
    var startedAt: Int64 = 0

    var isRunning: Bool { if case .running = state { true } else { false } }
}

/// The engine of one node: its containers outlive the worker. Calls are slow, fail, or do their work and lose the answer.
final class Engine {
    private static let milliseconds: Int64 = 1_000

    let world: World
    let node: String
    private(set) var containers: [String: Container] = [:]
    private(set) var order: [String] = []
    private var byKey: [AttemptKey: String] = [:]
    private var images: Set<String> = []
    private var waiters: [String: [(ExitStatus?) -> Void]] = [:]
    private var nextID = 0
    private var random: SplitMix64
    /// Microseconds until which it answers nothing.
    private var awayUntil: Int64 = 0

    init(_ world: World, node: String) {
        self.world = world
        self.node = node
        random = world.split()
    }

    var runningCount: Int { containers.values.count { $0.isRunning } }
    private var isAway: Bool { awayUntil > world.now }
    func heal() { awayUntil = 0 }

    private static let away = RuntimeError(.engineUnavailable, "the engine does not answer")

    // MARK: Calls

    /// Carries out a call: late, and perhaps not, or without an answer.
    private func call<T>(
        _ time: ClosedRange<Int64>,
        _ done: @escaping (Result<T, RuntimeError>) -> Void,
        _ body: @escaping () -> Result<T, RuntimeError>
    ) {
        if isAway { return world.after(5_000) { done(.failure(Self.away)) } }
        let fails = world.strikes(.engineFailure, onceIn: 120, &random)
        let isUnheard = !fails && world.strikes(.engineLostAnswer, onceIn: 150, &random)
        world.after(random.inside(time)) { [self] in
            guard !isAway else { return done(.failure(Self.away)) }
            guard !fails else { return done(.failure(failure())) }
            let result = body()
            guard isUnheard else { return done(result) }
            world.after(2_000_000) { done(.failure(RuntimeError(.timeout, "no answer in time"))) }
        }
    }

    private func failure() -> RuntimeError {
        switch random.below(3) {
        case 0: RuntimeError(.other, "the engine answered 500", retryable: true)
        case 1: RuntimeError(.timeout, "no answer in time")
        default: Self.away
        }
    }

    func prepare(_ image: String, _ policy: PullPolicy, _ done: @escaping (Result<Void, RuntimeError>) -> Void) {
        if images.contains(image), policy != .always { return call(300...3_000, done) { .success(()) } }
        if image.hasPrefix("missing") {
            world.used("missing image")
            return call(1_000...50_000, done) { .failure(RuntimeError(.imageNotFound, "no such image")) }
        }
        var time: ClosedRange<Int64> = 10_000...400_000
        if world.strikes(.slowPull, onceIn: 4, &random) { time = 1_000_000...8_000_000 }
        if world.strikes(.badImage, onceIn: 8, &random) {
            return call(time, done) { .failure(RuntimeError(.imagePull, "the registry does not answer")) }
        }
        call(time, done) { [self] in
            images.insert(image)
            return .success(())
        }
    }

    /// Creates the container of an attempt, or finds the one that it has.
    func create(_ spec: ContainerSpec, _ done: @escaping (Result<String, RuntimeError>) -> Void) {
        call(2_000...60_000, done) { [self] in
            if let id = byKey[spec.key] { return .success(id) }
            nextID += 1
            let id = "\(node)-c\(nextID)"
            let exitCode = random.once(in: 5) ? 1 + random.below(120) : 0
            let time = random.once(in: 8) ? random.inside(0...4) : random.inside(20...4_000)
            containers[id] = Container(id: id, key: spec.key, exitCode: exitCode, runMilliseconds: time)
            order.append(id)
            byKey[spec.key] = id
            return .success(id)
        }
    }

    /// Starts a container that was never started; one that was is left as it is.
    func start(_ id: String, _ done: @escaping (Result<Void, RuntimeError>) -> Void) {
        call(2_000...80_000, done) { [self] in
            guard var container = containers[id] else { return .failure(RuntimeError(.notFound, "no such container")) }
            guard case .created = container.state else { return .success(()) }
            container.state = .running
            container.startedAt = wall
            containers[id] = container
            world.cluster.checkers.started(container.key, on: self)
            world.after(container.runMilliseconds * Self.milliseconds) { [self] in
                end(id, container.exitCode)
            }
            return .success(())
        }
    }

    func wait(_ id: String, _ done: @escaping (Result<ExitStatus, RuntimeError>) -> Void) {
        guard let container = containers[id] else {
            return world.after(500) { done(.failure(RuntimeError(.notFound, "no such container"))) }
        }
        if case .exited(let status) = container.state { return world.after(500) { done(.success(status)) } }
        waiters[id, default: []].append { status in
            done(status.map { .success($0) } ?? .failure(RuntimeError(.notFound, "no such container")))
        }
    }

    func stop(_ id: String, graceSeconds: Int, _ done: @escaping (Result<Void, RuntimeError>) -> Void) {
        call(1_000...20_000, done) { [self] in
            guard let container = containers[id] else { return .failure(RuntimeError(.notFound, "no such container")) }
            guard container.isRunning else { return .success(()) }
            let isStubborn = random.once(in: 4)
            let time = isStubborn ? Int64(graceSeconds) * 1_000_000 : random.inside(1_000...300_000)
            world.after(time) { [self] in end(id, isStubborn ? ExitStatus.killed : 143) }
            return .success(())
        }
    }

    func probe(_ done: @escaping (RuntimeError?) -> Void) {
        let tell = { (result: Result<Void, RuntimeError>) in
            if case .failure(let error) = result { done(error) } else { done(nil) }
        }
        call(500...5_000, tell) { .success(()) }
    }

    func list(_ done: @escaping (Result<[AdoptedContainer], RuntimeError>) -> Void) {
        call(1_000...30_000, done) { [self] in
            .success(order.compactMap { id in containers[id].map(Self.adopted) })
        }
    }

    private static func adopted(_ container: Container) -> AdoptedContainer {
        let state: AdoptedContainer.State =
            switch container.state {
            case .created: .created
            case .running: .running
            case .exited(let status): .exited(status)
            }
        return AdoptedContainer(id: container.id, key: container.key, state: state)
    }

    /// Kills and removes the container of an attempt.
    func discard(_ key: AttemptKey, _ id: String?, _ done: @escaping (Result<Void, RuntimeError>) -> Void) {
        call(2_000...50_000, done) { [self] in
            if let id = id ?? byKey[key] {
                end(id, ExitStatus.killed)
                forget(id)
            }
            return .success(())
        }
    }

    func remove(_ id: String) {
        let ignore = { (_: Result<Void, RuntimeError>) in }
        call(1_000...20_000, ignore) { [self] in
            end(id, ExitStatus.killed)
            forget(id)
            return .success(())
        }
    }

    // MARK: What happens by itself

    private var wall: Int64 { World.wallStart + world.now / 1_000 }

    private func end(_ id: String, _ exitCode: Int) {
        guard var container = containers[id], container.isRunning else { return }
        let status = ExitStatus(
            exitCode: exitCode,
            startedAtMilliseconds: container.startedAt,
            finishedAtMilliseconds: wall
        )
        container.state = .exited(status)
        containers[id] = container
        world.cluster.checkers.exited(container.key, exitCode, on: self)
        guard let told = waiters.removeValue(forKey: id) else { return }
        world.after(random.inside(100...5_000)) { for body in told { body(status) } }
    }

    private func forget(_ id: String) {
        guard let container = containers.removeValue(forKey: id) else { return }
        order.removeAll { $0 == id }
        if byKey[container.key] == id { byKey[container.key] = nil }
        for body in waiters.removeValue(forKey: id) ?? [] { body(nil) }
    }

    /// The engine goes away for a while; with some engines, what ran ends then.
    func crash(milliseconds: Int64, endsContainers: Bool) {
        awayUntil = world.now + milliseconds * 1_000
        guard endsContainers else { return }
        for id in order { end(id, ExitStatus.killed) }
    }

    /// Somebody removes a container by hand.
    func loseOne() {
        guard !order.isEmpty else { return }
        let id = order[random.below(order.count)]
        end(id, ExitStatus.killed)
        forget(id)
    }
}
