import FoundationEssentials
import Glibc
import PodlingAgent
import PodlingProtocol
import Synchronization

/// Runs tasks as plain processes of this machine, where the operator chooses that: no isolation, no limits.
///
/// `command` and `args` are joined into one argument list; image, ports and limits are ignored; the environment is the
/// spec's and the worker's `PATH`. Each attempt has a directory of its own, where a small supervising shell records the
/// exit code, so a task outlives its worker and is adopted again. What a task starts in another session outlives the
/// task.
package final class ProcessRuntime: ContainerRuntime {
    /// Seconds within which a killed process must end.
    static let killSeconds = 10.0

    private let directory: String
    private let path: String?
    /// Size limit of each of stdout and stderr; up to half more for a while.
    private let streamBytesMax: Int
    /// Supervisors that this process started, and must reap.
    private let children = Mutex<Set<pid_t>>([])

    /// - Parameters:
    ///   - directory: the parent of the attempts' directories; created where it is missing.
    ///   - path: the `PATH` of tasks that set none.
    ///   - logBytesMax: size limit of an attempt's output on the node's disk; the latest output is kept.
    package init(directory: String, path: String?, logBytesMax: Int = AgentLimits.logBytesDefault) throws {
        guard directory.hasPrefix("/") else { throw RuntimeError(.invalidSpec, "the state directory must be absolute") }
        do {
            try FileManager.default.createDirectory(
                atPath: directory,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw RuntimeError(.other, "\(directory) cannot be made: \(error)")
        }
        self.directory = directory
        self.path = path
        streamBytesMax = max(1, logBytesMax / 2)
    }

    package func shutdown() async {}

    package func info() async throws -> RuntimeInfo {
        RuntimeInfo(engine: "process", version: "1")
    }

    /// Does nothing: there are no images.
    package func prepare(image: String, policy: PullPolicy) async throws {}

    package func create(_ spec: ContainerSpec) async throws -> String {
        try SpecValidation.checkIdentity(spec)
        try SpecValidation.checkProcess(spec)
        let order = ProcessAttempt.Order(spec, path: path)
        guard !order.argv.isEmpty else {
            throw RuntimeError(.invalidSpec, "command or args must be given: a process has no image to take them from")
        }
        let attempt = ProcessAttempt(parent: directory, key: spec.key)
        try attempt.create(order)
        return attempt.id
    }

    package func start(_ id: String) async throws {
        let attempt = try existing(id)
        let order = try attempt.order()
        // The mark is written before the process starts: an attempt is never started twice.
        guard try attempt.markStarted() else { return }
        do {
            let pid = try ProcessSupervisor.spawn(order, in: attempt.directory)
            children.withLock { _ = $0.insert(pid) }
        } catch {
            attempt.recordExit(code: 126)
            throw error
        }
    }

    package func wait(_ id: String) async throws -> ExitStatus {
        let attempt = try existing(id)
        let begin = ContinuousClock.now
        while true {
            if let status = try ended(attempt) { return status }
            attempt.trimLogs(bytesMax: streamBytesMax)
            // In proportion to its age: fast for short tasks, cheap for long ones.
            let age = begin.duration(to: .now)
            try await Task.sleep(for: min(max(age / 20, .milliseconds(5)), .milliseconds(250)))
        }
    }

    package func stop(_ id: String, graceSeconds: Int) async throws {
        guard let attempt = try? existing(id) else { return }
        let grace = min(max(0, graceSeconds), Limits.stopGraceSecondsMax)
        guard attempt.signal(SIGTERM) else { return }
        if try await ends(attempt, withinSeconds: Double(grace)) { return }
        try await kill(id)
    }

    package func kill(_ id: String) async throws {
        guard let attempt = try? existing(id) else { return }
        // One that has ended already keeps the account of its end.
        if try ended(attempt) == nil { attempt.markKilled() }
        guard attempt.signal(SIGKILL) else { return }
        guard try await ends(attempt, withinSeconds: Self.killSeconds) else {
            throw RuntimeError(.timeout, "the process of \(id) does not die")
        }
    }

    package func remove(_ id: String, force: Bool) async throws {
        guard let attempt = try? existing(id) else { return }
        if try attempt.state() == .running, try ended(attempt) == nil {
            guard force else { throw RuntimeError(.other, "\(id) is running") }
            try await kill(id)
        }
        do {
            try FileManager.default.removeItem(atPath: attempt.directory)
        } catch {
            throw RuntimeError(.other, "\(attempt.directory) cannot be removed: \(error)", retryable: true)
        }
    }

    package func logs(_ id: String, _ request: LogRequest) async throws -> LogStream {
        let attempt = try existing(id)
        return LogStream(
            ProcessLogSequence(attempt: attempt, request: request, bytesMax: streamBytesMax) { [weak self] in
                try self?.ended(attempt) != nil
            }
        )
    }

    package func list(nodeId: String) async throws -> [AdoptedContainer] {
        var found: [AdoptedContainer] = []
        for name in try FileManager.default.contentsOfDirectory(atPath: directory).sorted() {
            guard let attempt = ProcessAttempt(parent: directory, id: name), let order = try? attempt.order(),
                order.nodeId == nodeId
            else { continue }
            let state: AdoptedContainer.State =
                if let status = try ended(attempt) {
                    .exited(status)
                } else {
                    try attempt.state() == .created ? .created : .running
                }
            found.append(AdoptedContainer(id: name, key: attempt.key, state: state))
        }
        return found
    }

    private func existing(_ id: String) throws -> ProcessAttempt {
        guard let attempt = ProcessAttempt(parent: directory, id: id) else {
            throw RuntimeError(.invalidSpec, "this is no id of a process")
        }
        guard access(attempt.directory, F_OK) == 0 else { throw RuntimeError(.notFound, "there is no process \(id)") }
        return attempt
    }

    /// The exit status; nil while it runs. Reaps the supervisor if it is this worker's child.
    private func ended(_ attempt: ProcessAttempt) throws -> ExitStatus? {
        if let pid = attempt.supervisor?.pid, children.withLock({ $0.contains(pid) }) {
            var status: Int32 = 0
            if waitpid(pid, &status, WNOHANG) == pid { children.withLock { _ = $0.remove(pid) } }
        }
        if case .exited(let status) = try attempt.state() { return status }
        // A command without its supervisor has nobody to record its exit code.
        if let supervisor = attempt.supervisor, !supervisor.isAlive { _ = attempt.signal(SIGKILL) }
        return nil
    }

    private func ends(_ attempt: ProcessAttempt, withinSeconds seconds: Double) async throws -> Bool {
        let deadline = ContinuousClock.now.advanced(by: .seconds(seconds))
        while true {
            if try ended(attempt) != nil { return true }
            if ContinuousClock.now >= deadline { return false }
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}
