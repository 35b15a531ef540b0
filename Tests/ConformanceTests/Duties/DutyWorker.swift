import FoundationEssentials
import Glibc
import TestSupport

/// A worker under test for the duties. Its tasks' commands run as processes of this machine.
enum DutyWorker: String {
    case python
    case bash
    case podling
    /// A third party's: the program that `PODLING_WORKER_UNDER_TEST` names, with the environment of Examples/worker.py.
    case given

    static let program = ProcessInfo.processInfo.environment["PODLING_WORKER_UNDER_TEST"]
    static var all: [DutyWorker] { program == nil ? [.python, .bash, .podling] : [.given] }

    /// - Parameter state: a directory that outlives the worker.
    func start(_ master: DutyMaster, state: String) throws -> ProgramProcess {
        let environment = ["PODLING_MASTER": master.address, "PODLING_NODE": "duty"]
        switch self {
        case .python: return try ProgramProcess(SourceTree.path("Examples/worker.py"), [], environment: environment)
        case .bash: return try ProgramProcess(SourceTree.path("Examples/worker.sh"), [], environment: environment)
        case .given: return try ProgramProcess(Self.program ?? "", [], environment: environment)
        case .podling:
            return try ProgramProcess(
                ProductsDirectory.program("podling-worker"),
                ["--engine", "process", "--state-dir", state, "--node-id", "duty", "--slots", "4"],
                environment: environment
            )
        }
    }
}

/// A master, a worker of a kind, and a folder for what its tasks leave behind.
final class DutyStage {
    let master: DutyMaster
    let kind: DutyWorker
    let folder: String
    private(set) var worker: ProgramProcess

    init(_ kind: DutyWorker) throws {
        var template = Array((FileManager.default.temporaryDirectory.path + "/podling-duty-XXXXXX").utf8CString)
        guard let made = mkdtemp(&template) else { throw TestSupportError("mkdtemp: \(errno)") }
        (self.kind, folder) = (kind, String(cString: made))
        master = try DutyMaster()
        worker = try kind.start(master, state: folder + "/state")
    }

    /// A check on a thread of its own; a failure says what the worker said.
    static func check(_ kind: DutyWorker, _ body: @escaping @Sendable (DutyStage) throws -> Void) async throws {
        try await onThread {
            let stage = try DutyStage(kind)
            do {
                try body(stage)
            } catch {
                throw TestSupportError("\(error)\nthe worker said:\n\(stage.worker.output.suffix(3_000))")
            }
        }
    }

    deinit {
        worker.terminate()
        // A worker may leave its tasks running.
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where name.hasSuffix(".pid") {
            if let pid = processID(name), isAlive(pid) { kill(pid, SIGKILL) }
        }
        try? FileManager.default.removeItem(atPath: folder)
    }

    func restart() throws { worker = try kind.start(master, state: folder + "/state") }

    func file(_ name: String) -> String { folder + "/" + name }

    func read(_ name: String) -> String {
        String(decoding: FileManager.default.contents(atPath: file(name)) ?? Data(), as: UTF8.self)
    }

    func expectSoon(_ what: String, _ condition: () -> Bool) throws {
        let holds = Deadline.after(seconds: DutyMaster.waitSeconds).poll { condition() ? true : nil }
        guard holds == true else { throw TestSupportError("\(what); the worker says: \(worker.output.suffix(2_000))") }
    }

    /// A script that reports its process id, and then runs `rest`.
    func script(_ name: String, _ rest: String) -> String {
        "echo $$ > \(file(name)).tmp; mv \(file(name)).tmp \(file(name)).pid; \(rest)"
    }

    /// A script that ignores SIGTERM before it says which process it is, whoever of its group gets the signal.
    func stubborn(_ name: String) -> String {
        "trap '' TERM; " + script(name, "while :; do sleep 0.1; done")
    }

    private func processID(_ name: String) -> pid_t? { pid_t(read(name).prefix { $0 != "\n" }) }

    /// The process of such a script, once it is there.
    func started(_ name: String) throws -> pid_t {
        try expectSoon("\(name) did not start") { processID("\(name).pid") != nil }
        return processID("\(name).pid") ?? 0
    }

    func hasStarted(_ name: String) -> Bool { processID("\(name).pid") != nil }

    func children(of parent: pid_t) -> [pid_t] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { pid_t($0) }.filter { pid in
            guard let stat = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else { return false }
            // pid (name) state ppid: the name may hold anything (proc(5)).
            let fields = String(decoding: stat, as: UTF8.self).split(separator: ")").last?.split(separator: " ") ?? []
            return fields.count > 1 && pid_t(fields[1]) == parent
        }
    }

    /// Not gone, and no zombie.
    func isAlive(_ pid: pid_t) -> Bool {
        guard let stat = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else { return false }
        let state = String(decoding: stat, as: UTF8.self).split(separator: ")").last?.first { $0 != " " }
        return state != "Z" && state != "X"
    }
}
