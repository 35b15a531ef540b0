@testable import PodlingAgent

/// Drives an `AgentCore` by hand: a clock that the test moves, and the test plays the master and the engine.
final class AgentTrace {
    private var core: AgentCore
    private(set) var now: Int64 = 1_000
    /// All actions so far, without notes.
    private(set) var actions: [AgentAction] = []
    private(set) var notes: [AgentNote] = []
    /// Milliseconds since 1970 where `now` is 0.
    static let wallBase: Int64 = 1_767_300_000_000
    static let leaseMilliseconds: Int64 = 15_000
    static let heartbeatMilliseconds: Int64 = 5_000

    init(slots: Int = 2, adopted: [AdoptedContainer] = [], _ change: (inout AgentConfiguration) -> Void = { _ in }) {
        var configuration = AgentConfiguration(
            nodeId: "n1",
            instance: "i1",
            slots: slots,
            cpuMillis: 2_500,
            memoryBytes: 1 << 30,
            hostname: "host",
            engine: "docker 20",
            version: "1.2.3"
        )
        change(&configuration)
        core = AgentCore(configuration: configuration, adopted: adopted)
    }

    /// Applies an event; returns its actions, without notes.
    @discardableResult
    func on(_ event: AgentEvent, jitter: Double = 0) -> [AgentAction] {
        let all = core.handle(event, now: now, wall: Self.wallBase + now, jitter: jitter)
        let new = all.filter { if case .note = $0 { false } else { true } }
        notes += all.compactMap { if case .note(let note) = $0 { note } else { nil } }
        actions += new
        return new
    }

    @discardableResult
    func on(_ message: MasterMessage) -> [AgentAction] { on(.message(message)) }

    /// Moves the clock without a tick, as when the process is busy or stopped.
    func sleep(_ milliseconds: Int64) { now += milliseconds }

    /// Lets time pass, ticking at each deadline.
    @discardableResult
    func pass(_ milliseconds: Int64) -> [AgentAction] {
        let end = now + milliseconds
        var all: [AgentAction] = []
        while let deadline = core.nextDeadline, deadline <= end {
            now = max(now, deadline)
            all += on(.tick)
        }
        now = end
        return all + on(.tick)
    }

    var deadline: Int64? { core.nextDeadline }

    /// The id of the latest request.
    var lastRequestId: Int? {
        for case .send(let request) in actions.reversed() { return request.id }
        return nil
    }

    /// Answers the latest request.
    @discardableResult
    func acknowledge(_ orders: MasterOrders = MasterOrders()) -> [AgentAction] {
        on(.reply(id: lastRequestId, .ok(orders)))
    }

    @discardableResult
    func refuse(_ code: String, retryable: Bool = false, afterMilliseconds: Int64? = nil) -> [AgentAction] {
        let fault = MasterFault(code: code, isRetryable: retryable, retryAfterMilliseconds: afterMilliseconds)
        return on(.reply(id: lastRequestId, .failed(fault)))
    }

    static func orders(kill: [KillOrder] = [], quiet: Bool = false) -> MasterOrders {
        var orders = MasterOrders()
        orders.leaseMilliseconds = leaseMilliseconds
        orders.heartbeatMilliseconds = heartbeatMilliseconds
        orders.kill = kill
        orders.isQuiet = quiet
        return orders
    }

    /// Connects and registers; returns the actions that the reply to `register` leads to.
    @discardableResult
    func register(kill: [KillOrder] = []) -> [AgentAction] {
        pass(AgentLimits.reconnectMillisecondsMax)
        on(.connected)
        on(.hello(versions: 1...1))
        return acknowledge(Self.orders(kill: kill))
    }

    static func plan(_ key: AttemptKey, image: String = "busybox", grace: Int = 10) -> AttemptPlan {
        AttemptPlan(
            container: ContainerSpec(
                taskId: key.taskId,
                attempt: key.attempt,
                nodeId: "n1",
                image: image,
                stopGraceSeconds: grace
            )
        )
    }

    @discardableResult
    func assign(_ key: AttemptKey) -> [AgentAction] { on(.assign(key, Self.plan(key))) }

    /// Brings an assigned attempt to `stage`, with the engine's answer to that stage's call still outstanding.
    func bring(_ key: AttemptKey, to stage: AttemptRecord.Stage) {
        assign(key)
        if stage == .preparing { return }
        on(.prepared(key))
        if stage == .creating { return }
        on(.created(key, containerId: key.container))
        if stage == .starting { return }
        on(.started(key, atMilliseconds: 5))
        if stage == .running { return }
        on(.exited(key, ExitStatus(exitCode: 0)))
    }

    func count(_ matches: (AgentAction) -> Bool) -> Int { actions.count(where: matches) }

    /// Count of container starts.
    var starts: Int { count { if case .start = $0 { true } else { false } } }

    /// The reports sent, in order.
    var reports: [AttemptReport] { actions.compactMap(\.report) }
}

extension AttemptKey {
    static let first = AttemptKey(taskId: "t1", attempt: 1)
    static let second = AttemptKey(taskId: "t2", attempt: 1)
    static let third = AttemptKey(taskId: "t3", attempt: 1)

    /// The id a test gives its container.
    var container: String { "c-\(taskId)-\(attempt)" }
}

extension AgentAction {
    var body: WorkerRequest.Body? {
        if case .send(let request) = self { request.body } else { nil }
    }

    var report: AttemptReport? {
        if case .status(_, let report)? = body { report } else { nil }
    }
}

extension [AgentAction] {
    var reports: [AttemptReport] { compactMap(\.report) }

    var bodies: [WorkerRequest.Body] { compactMap(\.body) }

    /// The attempts named by the latest `register`.
    var registered: [AttemptKey]? {
        for case .register(_, let attempts)? in reversed().map(\.body) { return attempts }
        return nil
    }
}
