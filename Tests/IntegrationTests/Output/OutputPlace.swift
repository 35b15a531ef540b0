import FoundationEssentials
import Glibc
import TestSupport

/// A master, one node, and clients whose output is read at a chosen speed.
final class OutputPlace: Sendable {
    static let waitSeconds = 240.0
    private static let slowBytes = 64 << 10
    private static let slowPauseSeconds = 0.01

    let master: MasterProcess
    let node: WorkerNode
    private let scratch: Scratch

    init(_ engine: IntegrationEngine) throws {
        master = try MasterProcess(["--heartbeat", "0.5", "--lease", "60"])
        node = try WorkerNode(engine, master)
        scratch = try Scratch()
    }

    /// The worker; wait until it is there.
    func startWorker() throws -> ProgramProcess {
        let worker = try node.start(slots: 4)
        try Peer(master).awaitNode(node.nodeId) { $0["status"]?.text == "online" }
        return worker
    }

    /// Runs a client, and reads what it writes.
    /// - Parameter hasEnded: returns when the task has ended, for a reader that does not read until then.
    func client(
        _ arguments: [String],
        _ reader: OutputReader = .fast,
        hasEnded: () throws -> Void = {}
    ) throws -> Received {
        let name = UUID().uuidString
        let (out, err) = (scratch.file(name + ".out"), scratch.file(name + ".err"))
        defer { for path in [out, err] { unlink(path) } }
        var pipe: Int32 = -1
        if reader != .fast {
            guard mkfifo(out, 0o600) == 0 else { throw TestSupportError("mkfifo: errno \(errno)") }
            pipe = open(out, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
            guard pipe >= 0 else { throw TestSupportError("open \(out): errno \(errno)") }
        }
        defer { if pipe >= 0 { close(pipe) } }
        let program = try ProgramProcess(
            "/bin/sh",
            ["-c", #"exec "$0" "$@" >"$OUT" 2>"$ERR""#, ProductsDirectory.program("podling-client")] + arguments,
            environment: [
                "PODLING_MASTER": master.address, "OUT": out, "ERR": err,
            ]
        )
        if reader == .stopped { try hasEnded() }
        let piped = pipe < 0 ? nil : try Self.readAll(pipe, isSlow: reader == .slow, of: program)
        let ending = program.wait(deadline: .after(seconds: Self.waitSeconds))
        return Received(
            stdout: piped ?? Self.bytes(out),
            stderr: Self.bytes(err),
            ending: ending
        )
    }

    private static func bytes(_ path: String) -> [UInt8] {
        [UInt8](FileManager.default.contents(atPath: path) ?? Data())
    }

    private static func readAll(_ pipe: Int32, isSlow: Bool, of program: ProgramProcess) throws -> [UInt8] {
        let deadline = Deadline.after(seconds: waitSeconds)
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: slowBytes)
        while true {
            var waiting = pollfd(fd: pipe, events: Int16(POLLIN), revents: 0)
            _ = poll(&waiting, 1, 100)
            let count = read(pipe, &buffer, buffer.count)
            if count > 0 {
                all += buffer.prefix(count)
                if isSlow { Deadline.after(seconds: slowPauseSeconds).elapse() }
            } else if program.wait(deadline: .after(seconds: 0)) != nil {
                return all
            }
            guard !deadline.hasPassed else { throw TestSupportError("no end after \(all.count) bytes") }
        }
    }

    /// Submits a task with that script and returns its id.
    func submit(_ script: String) throws -> String {
        let submitted = try client(["run", "--detach", "busybox", "sh", "-c", script])
        guard submitted.ending == .exited(0) else { throw TestSupportError("\(submitted.notes)") }
        return String(decoding: submitted.stdout, as: UTF8.self).trimmingWhitespace()
    }
}

extension String {
    fileprivate func trimmingWhitespace() -> String { String(split(whereSeparator: \.isWhitespace).first ?? "") }
}
