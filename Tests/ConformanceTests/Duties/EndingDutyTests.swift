import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// A worker's duties for an attempt that is to end: W10 to W12 and W15 to W17 of proto-spec.md, section 11.1.
@Suite struct EndingDutyTests {
    private static func silence(_ attempt: DutyAttempt, after count: Int, _ connection: DutyConnection) throws {
        try connection.settle()
        let said = connection.lines.dropFirst(count).filter { DutyAttempt($0) == attempt }
        guard said.isEmpty else { throw TestSupportError("nobody wanted to hear \(said)") }
    }

    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w10KillsWhatIsNoLongerIts(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            let (first, _) = try stage.master.registered()
            let (kept, killed, lost) = (DutyAttempt("t1"), DutyAttempt("t2"), DutyAttempt("t3"))
            for (attempt, name) in [(kept, "kept"), (killed, "killed")] {
                try first.assign(attempt, stage.stubborn(name))
                try first.report(attempt, "running")
            }
            let (keptPID, killedPID) = (try stage.started("kept"), try stage.started("killed"))
            first.hangUp()
            stage.master.answers["register"] = .some(nil)
            let (second, register) = try stage.master.registered()
            stage.master.answers = [:]
            // What the master gave before it read `register` is not named there, and so it is lost.
            try second.assign(lost, stage.stubborn("lost"))
            try second.reply(to: register, stage.master.order(keep: [kept], kill: [killed], lost: [lost]))
            let count = second.lines.count
            try stage.expectSoon("what was to be killed runs on") { !stage.isAlive(killedPID) }
            try Self.silence(killed, after: count, second)
            try second.assign(DutyAttempt("t4"), "exit 0")
            try second.report(DutyAttempt("t4"), "completed")
            if stage.hasStarted("lost") {
                let pid = try stage.started("lost")
                try stage.expectSoon("what is lost runs on") { !stage.isAlive(pid) }
            }
            guard stage.isAlive(keptPID) else { throw TestSupportError("what was kept does not run") }
        }
    }

    /// The order is repeated, as with each heartbeat; and then with a shorter grace.
    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w11EndsWhatIsCancelled(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            let (connection, _) = try stage.master.registered()
            func end(_ attempt: DutyAttempt, orders: [Int]) throws -> Int? {
                for grace in orders { try connection.cancel(attempt, graceSeconds: grace) }
                let deadline = Deadline.after(seconds: DutyMaster.waitSeconds)
                while true {
                    try connection.cancel(attempt, graceSeconds: orders.last ?? 0)
                    while connection.hasLine(within: 0.2) {
                        guard let line = try connection.line(by: deadline) else { throw TestSupportError("it hung up") }
                        guard DutyAttempt(line) == attempt, let status = line["status"]?.text else { continue }
                        if ["cancelled", "failed"].contains(status) { return line["exitCode"]?.integer }
                    }
                    guard !deadline.hasPassed else { throw TestSupportError("\(attempt) was not ended by \(orders)") }
                }
            }
            for (index, (script, orders, exitCode)) in [
                (stage.stubborn("0"), [1], 137), (stage.stubborn("1"), [3_600, 0], 137),
                (stage.script("2", "exec sleep 600"), [3_600], 143),
            ].enumerated() {
                let attempt = DutyAttempt("t\(index)")
                try connection.assign(attempt, script)
                try connection.report(attempt, "running")
                let pid = try stage.started("\(index)")
                let code = try end(attempt, orders: orders)
                guard code == exitCode, !stage.isAlive(pid) else {
                    throw TestSupportError("\(script), \(orders): exit code \(String(describing: code))")
                }
            }
        }
    }

    /// The command ends while the worker stands still; both the end and the order wait for it, and it may
    /// read either first.
    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w11ReportsAnEndBeforeTheSignalAsItWas(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            let (connection, _) = try stage.master.registered()
            for (name, code) in [("a", 3), ("b", 0)] {
                let attempt = DutyAttempt(name)
                let gate = stage.file("\(name).go")
                let wait = "while [ ! -e \(gate) ]; do sleep 0.05; done; exit \(code)"
                try connection.assign(attempt, stage.script(name, wait))
                try connection.report(attempt, "running")
                let pid = try stage.started(name)
                stage.worker.signal(SIGSTOP)
                guard FileManager.default.createFile(atPath: gate, contents: nil) else {
                    throw TestSupportError("no \(gate)")
                }
                try stage.expectSoon("\(name) runs on") { !stage.isAlive(pid) }
                // The times of files step with the kernel's clock.
                Deadline.after(seconds: 0.2).elapse()
                try connection.cancel(attempt, graceSeconds: 600)
                stage.worker.signal(SIGCONT)
                let end = try connection.report(attempt, "completed", "failed", "cancelled")
                let isAsItWas = end["status"] == .string(code == 0 ? "completed" : "failed")
                guard isAsItWas, end["exitCode"] == .integer(code) || code == 0 else {
                    throw TestSupportError("it ended with \(code) before the order, and the worker says \(end)")
                }
            }
        }
    }

    /// Otherwise the master would ask for ever.
    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w11KnowsThatWhatItHasNotDoesNotRun(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            let (connection, _) = try stage.master.registered()
            try connection.cancel(DutyAttempt("t1"), graceSeconds: 10)
            try connection.report(DutyAttempt("t1"), "cancelled")
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w12KillsAndSaysNothing(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            let (connection, _) = try stage.master.registered()
            let attempt = DutyAttempt("t1")
            try connection.assign(attempt, stage.stubborn("a"))
            try connection.report(attempt, "running")
            let pid = try stage.started("a")
            let count = connection.lines.count
            try connection.send(#"{"ev":"kill",\#(attempt),"code":"not_accepted"}"#)
            try stage.expectSoon("it runs on") { !stage.isAlive(pid) }
            try Self.silence(attempt, after: count, connection)
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w12KillsWhatTheMasterGaveUp(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            let (connection, _) = try stage.master.registered()
            for (name, code) in [("a", "stale_attempt"), ("b", "not_found")] {
                let attempt = DutyAttempt(name)
                stage.master.answers["status"] = DutyMaster.refusal(code, isRetryable: false)
                try connection.assign(attempt, stage.stubborn(name))
                try connection.report(attempt, "running")
                stage.master.answers = [:]
                try connection.settle()
                let count = connection.lines.count
                if stage.hasStarted(name) {
                    let pid = try stage.started(name)
                    try stage.expectSoon("it runs on") { !stage.isAlive(pid) }
                }
                try Self.silence(attempt, after: count, connection)
            }
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w15LeavesNothingBehind(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            let (first, _) = try stage.master.registered()
            let attempt = DutyAttempt("t1")
            try first.assign(attempt, stage.script("a", "exec sleep 600"))
            try first.report(attempt, "running")
            let pid = try stage.started("a")
            stage.worker.signal(SIGKILL)
            _ = stage.worker.wait(deadline: .after(seconds: 30))
            try stage.restart()
            let (_, register) = try stage.master.registered()
            let named = (register["attempts"]?.elements ?? []).compactMap(DutyAttempt.init)
            guard named != [attempt] else { return }
            try stage.expectSoon("it runs, and the worker does not know it") { !stage.isAlive(pid) }
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w16EndsTheOutputThatIsAskedFor(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            let (connection, _) = try stage.master.registered()
            let attempt = DutyAttempt("t1")
            try connection.assign(attempt, "echo hello; sleep 600")
            try connection.report(attempt, "running")
            try connection.send(#"{"ev":"logs","sub":1,\#(attempt),"tail":100,"follow":false}"#)
            try connection.next("log_end", seconds: 10) { $0["sub"] == .integer(1) }
            try connection.send(#"{"ev":"logs","sub":2,\#(DutyAttempt("t2")),"tail":100,"follow":true}"#)
            let end = try connection.next("log_end", seconds: 10) { $0["sub"] == .integer(2) }
            guard end["error"]?.text != nil else { throw TestSupportError("it has no such output, and says \(end)") }
            try connection.send(#"{"ev":"logs_stop","sub":2}"#)
            try connection.settle()
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w17EndsNothingByItself(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            (stage.master.leaseMilliseconds, stage.master.heartbeatMilliseconds) = (1_000, 300)
            let (first, _) = try stage.master.registered()
            let (long, slow) = (DutyAttempt("t1"), DutyAttempt("t2"))
            try first.assign(long, stage.script("long", "sleep 600"))
            try first.report(long, "running")
            let pid = try stage.started("long")
            try first.assign(slow, "sleep 2; exit 5", #","timeoutSeconds":1"#)
            guard try first.report(slow, "completed", "failed", "cancelled")["exitCode"] == .integer(5) else {
                throw TestSupportError("its time-out is the master's to see to")
            }
            first.hangUp()
            // Longer than the lease: running attempts continue until the master says otherwise.
            Deadline.after(seconds: 2).elapse()
            // It may have connected before, and given up.
            let back = Deadline.after(seconds: DutyMaster.waitSeconds).poll { try? stage.master.registered() }
            guard back != nil else { throw TestSupportError("it did not come back") }
            guard stage.isAlive(pid) else { throw TestSupportError("it was ended while the master was away") }
        }
    }

    /// Its helpers end with a worker that is killed, though the connection stays open.
    @Test(.timeLimit(.minutes(5)), arguments: [DutyWorker.python, .bash])
    func aKilledWorkerLeavesNoHelper(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            let (connection, _) = try stage.master.registered()
            try connection.assign(DutyAttempt("t1"), "exit 0")
            try connection.report(DutyAttempt("t1"), "completed")
            let helpers = stage.children(of: stage.worker.processID)
            guard worker != .bash || !helpers.isEmpty else { throw TestSupportError("no helper was found") }
            stage.worker.signal(SIGKILL)
            try stage.expectSoon("helpers of a dead worker run on") { !helpers.contains { stage.isAlive($0) } }
            withExtendedLifetime(connection) {}
        }
    }
}
