import PodlingAgent

@testable import PodlingWorker

/// An engine whose containers run for as long as the test says.
actor FakeRuntime: ContainerRuntime {
    struct Container {
        var key: AttemptKey
        var state: AdoptedContainer.State
        var starts = 0
        var waiters: [CheckedContinuation<ExitStatus, any Error>] = []
    }

    /// Images whose pull never ends.
    static let endlessImage = "endless"

    private(set) var containers: [String: Container] = [:]
    private(set) var removed: [String] = []
    private(set) var stops: [(id: String, graceSeconds: Int)] = []
    private var output: [LogChunk] = []
    private var isAway = false

    init(_ containers: [AdoptedContainer] = []) {
        for container in containers {
            self.containers[container.id] = Container(key: container.key, state: container.state)
        }
    }

    func setOutput(_ chunks: [LogChunk]) { output = chunks }

    func setAway(_ isAway: Bool) { self.isAway = isAway }

    var starts: Int { containers.values.reduce(0) { $0 + $1.starts } }

    /// The container of a task ends.
    func finish(_ taskId: String, exitCode: Int) {
        for (id, container) in containers where container.key.taskId == taskId { end(id, exitCode) }
    }

    private func end(_ id: String, _ exitCode: Int) {
        guard var container = containers[id] else { return }
        if case .exited = container.state { return }
        let status = ExitStatus(exitCode: exitCode)
        container.state = .exited(status)
        for waiter in container.waiters { waiter.resume(returning: status) }
        container.waiters = []
        containers[id] = container
    }

    func info() async throws -> RuntimeInfo { RuntimeInfo(engine: "fake", version: "1") }

    func prepare(image: String, policy: PullPolicy) async throws {
        if image == Self.endlessImage { try await Task.sleep(for: .seconds(3_600)) }
    }

    func create(_ spec: ContainerSpec) async throws -> String {
        let id = "c-\(spec.taskId)-\(spec.attempt)"
        containers[id] = containers[id] ?? Container(key: spec.key, state: .created)
        return id
    }

    func start(_ id: String) async throws {
        guard containers[id] != nil else { throw RuntimeError(.notFound, "no \(id)") }
        containers[id]?.state = .running
        containers[id]?.starts += 1
    }

    func wait(_ id: String) async throws -> ExitStatus {
        guard let container = containers[id] else { throw RuntimeError(.notFound, "no \(id)") }
        if case .exited(let status) = container.state { return status }
        return try await withCheckedThrowingContinuation { containers[id]?.waiters.append($0) }
    }

    func stop(_ id: String, graceSeconds: Int) async throws {
        stops.append((id, graceSeconds))
        end(id, 143)
    }

    func kill(_ id: String) async throws { end(id, 137) }

    func remove(_ id: String, force: Bool) async throws {
        end(id, 137)
        if containers.removeValue(forKey: id) != nil { removed.append(id) }
    }

    func logs(_ id: String, _ request: LogRequest) async throws -> LogStream {
        let output = output
        return LogStream(
            AsyncThrowingStream { continuation in
                for chunk in output { continuation.yield(chunk) }
                continuation.finish()
            }
        )
    }

    func list(nodeId: String) async throws -> [AdoptedContainer] {
        if isAway { throw RuntimeError(.engineUnavailable, "away") }
        return containers.map { AdoptedContainer(id: $0.key, key: $0.value.key, state: $0.value.state) }
            .sorted { $0.id < $1.id }
    }

    func shutdown() async {}
}

extension AttemptKey {
    static let first = AttemptKey(taskId: "t1", attempt: 1)
    static let second = AttemptKey(taskId: "t2", attempt: 1)
    static let third = AttemptKey(taskId: "t3", attempt: 1)
}
