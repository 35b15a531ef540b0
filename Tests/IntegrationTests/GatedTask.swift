import Glibc
import TestSupport

/// A task that runs until it is released, and then ends with its code. By itself it ends after some minutes.
struct GatedTask {
    let engine: IntegrationEngine
    let scratch: Scratch
    let code: Int
    let taskId: String

    init(_ peer: Peer, _ engine: IntegrationEngine, _ scratch: Scratch, code: Int) throws {
        self.engine = engine
        self.scratch = scratch
        self.code = code
        // A plain process writes its pid where the test can see it; each start adds a line.
        let mark = engine == .process ? "echo $$ >> \(scratch.path)/$PODLING_TASK_ID-$PODLING_ATTEMPT; " : ""
        let script =
            "trap 'exit \(code)' USR1; \(mark)echo started; i=0; "
            + "while [ $i -lt 2000 ]; do sleep 0.1; i=$((i+1)); done; exit 99"
        let spec = #""name":"gated-\#(code)","image":"busybox","command":["sh","-c","\#(script)"],"stopGraceSeconds":0"#
        taskId = try peer.submit(spec)
    }

    /// How often this attempt was started.
    func starts(attempt: Int) throws -> Int {
        guard engine != .process else { return processIDs(attempt).count }
        return try containers(attempt).reduce(0) { count, container in
            let id = container["Id"]?.text ?? ""
            let output = try engine.call(["--output", "-", "http://engine/containers/\(id)/logs?stdout=1"])
            return count + output.split(separator: "started", omittingEmptySubsequences: false).count - 1
        }
    }

    func isAlive(attempt: Int) throws -> Bool {
        guard engine != .process else { return processIDs(attempt).contains { kill($0, 0) == 0 } }
        return try containers(attempt).contains { $0["State"]?.text == "running" }
    }

    func release(attempt: Int) throws {
        for processID in processIDs(attempt) { kill(processID, SIGUSR1) }
        for container in try containers(attempt) {
            let id = container["Id"]?.text ?? ""
            try engine.call(["-X", "POST", "http://engine/containers/\(id)/kill?signal=SIGUSR1"])
        }
    }

    func awaitStart(attempt: Int) throws {
        let found = try Deadline.after(seconds: 60).poll { try starts(attempt: attempt) > 0 ? true : nil }
        guard found != nil else { throw TestSupportError("\(taskId)-\(attempt) did not start") }
    }

    func awaitGone(attempt: Int) throws {
        let found = try Deadline.after(seconds: 60).poll { try isAlive(attempt: attempt) ? nil : true }
        guard found != nil else { throw TestSupportError("\(taskId)-\(attempt) still runs") }
    }

    private func processIDs(_ attempt: Int) -> [pid_t] {
        guard engine == .process else { return [] }
        return scratch.lines(of: "\(taskId)-\(attempt)").compactMap { pid_t($0) }
    }

    private func containers(_ attempt: Int) throws -> [JSON] {
        guard engine != .process else { return [] }
        return try engine.containers(["podling.task=\(taskId)", "podling.attempt=\(attempt)"])
    }
}
