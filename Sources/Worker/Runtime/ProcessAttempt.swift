import FoundationEssentials
import Glibc
import PodlingAgent
import PodlingClock
import PodlingProtocol

/// The directory of one attempt, from which a worker recovers its state after a restart.
///
/// | File | Holds | Made by |
/// |---|---|---|
/// | `order.json` | what to run | the worker, at create |
/// | `process` | the supervisor's line of `/proc/PID/stat`; empty while it starts | the worker, then the supervisor |
/// | `exit` | the exit code; `lost` below it, where nobody ordered the end | the supervisor; the worker, where the supervisor was killed |
/// | `kill` | nothing | the worker, before it kills |
/// | `stdout`, `stderr` | the output | the command |
///
/// Both sides write a line at once; a line without its end does not count as written.
struct ProcessAttempt: Sendable {
    static let processFile = "process"
    static let exitFile = "exit"
    private static let orderFile = "order.json"
    private static let killFile = "kill"
    /// The second line of `exit`, where nobody ordered the supervisor's end.
    private static let lostMark = "lost"
    /// Seconds within which a started supervisor must have written its line.
    static let startSeconds = 5.0

    /// The command to run. It holds the task's environment, so the directory is readable by the worker only (0700).
    struct Order: Codable, Equatable {
        var nodeId: String
        var argv: [String]
        var env: [String]
        var workingDir: String?

        init(_ spec: ContainerSpec, path: String?) {
            nodeId = spec.nodeId
            argv = (spec.command ?? []) + (spec.args ?? [])
            env = spec.env.map { "\($0.name)=\($0.value)" }
            if let path, !spec.env.contains(where: { $0.name == "PATH" }) { env.append("PATH=\(path)") }
            workingDir = spec.workingDir
        }
    }

    /// The identity of a process, which a later one with the same number does not share.
    struct Supervisor: Equatable {
        var pid: pid_t
        /// Start time in clock ticks since boot (proc(5), field 22 of `stat`).
        var startTicks: UInt64

        /// Parses `PID (NAME) STATE ...`; the name may hold anything, so the fields are counted from its last bracket.
        init?(stat: String) {
            guard let fields = Self.fields(stat), let pid = pid_t(stat.prefix { $0 != " " }),
                let ticks = UInt64(fields[19])
            else { return nil }
            self.pid = pid
            startTicks = ticks
        }

        static func fields(_ stat: String) -> [Substring]? {
            guard let bracket = stat.lastIndex(of: ")") else { return nil }
            let fields = stat[bracket...].dropFirst().split(whereSeparator: \.isWhitespace)
            return fields.count > 19 ? fields : nil
        }

        /// Whether it exists, is not a zombie, and is the same process.
        var isAlive: Bool {
            guard let stat = ProcessAttempt.line(of: "/proc/\(pid)/stat"), Supervisor(stat: stat) == self,
                let state = Self.fields(stat)?.first
            else { return false }
            return state != "Z" && state != "X"
        }
    }

    let key: AttemptKey
    let directory: String

    init(parent: String, key: AttemptKey) {
        self.key = key
        directory = "\(parent)/\(key.taskId)-\(key.attempt)"
    }

    /// nil for a text that is not an attempt's id, and so is not safe to join to a path.
    init?(parent: String, id: String) {
        guard let dash = id.lastIndex(of: "-"), let attempt = Int(id[id.index(after: dash)...]), attempt >= 1 else {
            return nil
        }
        let key = AttemptKey(taskId: String(id[..<dash]), attempt: attempt)
        guard key.taskId.follows(NameRules.isRunnableTaskID), "\(key.taskId)-\(key.attempt)" == id else { return nil }
        self.init(parent: parent, key: key)
    }

    var id: String { "\(key.taskId)-\(key.attempt)" }

    /// Creates the directory. Idempotent for the same order.
    func create(_ order: Order) throws {
        if mkdir(directory, 0o700) != 0 {
            guard errno == EEXIST else { throw Self.failure("mkdir \(directory)") }
            if let there = try? self.order() {
                guard there == order else {
                    throw RuntimeError(.nameConflict, "another process was made under the name \(id)")
                }
                return
            }
        }
        do {
            try JSONEncoder().encode(order).write(to: URL(filePath: file(Self.orderFile)), options: .atomic)
        } catch {
            throw RuntimeError(.other, "\(file(Self.orderFile)) cannot be written: \(error)", retryable: true)
        }
    }

    func order() throws -> Order {
        do {
            return try JSONDecoder().decode(Order.self, from: Data(contentsOf: URL(filePath: file(Self.orderFile))))
        } catch {
            throw RuntimeError(.notFound, "\(id) has no order that can be read")
        }
    }

    /// Returns false where it was started before.
    func markStarted() throws -> Bool {
        let mark = open(file(Self.processFile), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if mark < 0, errno == EEXIST { return false }
        guard mark >= 0 else { throw Self.failure("open \(file(Self.processFile))") }
        close(mark)
        return true
    }

    /// Records an end that the supervisor could not record. An existing record stays.
    func recordExit(code: Int, isLost: Bool = false) {
        let exit = open(file(Self.exitFile), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard exit >= 0 else { return }
        let bytes = Array("\(code)\n\(isLost ? "\(Self.lostMark)\n" : "")".utf8)
        _ = write(exit, bytes, bytes.count)
        close(exit)
    }

    var supervisor: Supervisor? {
        Self.line(of: file(Self.processFile)).flatMap(Supervisor.init(stat:))
    }

    func state() throws -> AdoptedContainer.State {
        guard let startedAt = milliseconds(Self.processFile) else { return .created }
        // Liveness is checked first: the supervisor records the exit code before it ends.
        if let supervisor {
            if supervisor.isAlive || supervisor.hasGroup { return .running }
        } else if Self.line(of: file(Self.exitFile)) == nil, isStarting(startedAt) {
            return .running
        }
        if Self.line(of: file(Self.exitFile)) == nil {
            recordExit(code: ExitStatus.killed, isLost: access(file(Self.killFile), F_OK) != 0)
        }
        let isLost = Self.lines(of: file(Self.exitFile)).dropFirst().first == Self.lostMark
        return .exited(
            ExitStatus(
                exitCode: Self.line(of: file(Self.exitFile)).flatMap { Int($0) } ?? ExitStatus.killed,
                startedAtMilliseconds: startedAt,
                finishedAtMilliseconds: milliseconds(Self.exitFile),
                message: isLost ? "the process was killed together with its supervisor" : nil
            )
        )
    }

    private func isStarting(_ startedAtMilliseconds: Int64) -> Bool {
        let now = WallClock.milliseconds()
        return now < startedAtMilliseconds + Int64(Self.startSeconds * 1_000)
    }

    /// Signals the whole group; returns false when it no longer exists.
    func signal(_ number: Int32) -> Bool {
        guard let supervisor, supervisor.isAlive || supervisor.hasGroup else { return false }
        return kill(-supervisor.pid, number) == 0
    }

    func file(_ name: String) -> String { "\(directory)/\(name)" }

    private func milliseconds(_ name: String) -> Int64? {
        var status = stat()
        guard stat(file(name), &status) == 0 else { return nil }
        return Int64(status.st_mtim.tv_sec) * 1_000 + Int64(status.st_mtim.tv_nsec) / 1_000_000
    }

    /// Notes that the worker itself kills it, before it does.
    func markKilled() {
        let mark = open(file(Self.killFile), O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        if mark >= 0 { close(mark) }
    }

    /// The first line of a small file; nil while it has no end.
    static func line(of path: String) -> String? { lines(of: path).first }

    /// The lines of a small file that have an end.
    private static func lines(of path: String) -> [String] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return [] }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 1_024)
        let count = read(file, &bytes, bytes.count)
        guard count > 0 else { return [] }
        let lines = bytes[..<count].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        return lines.dropLast().map { String(decoding: $0, as: UTF8.self) }
    }

    private static func failure(_ what: String) -> RuntimeError {
        RuntimeError(.other, "\(what): \(String(cString: strerror(errno)))", retryable: true)
    }
}
