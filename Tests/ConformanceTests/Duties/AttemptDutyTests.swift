import TestSupport
import Testing

/// A worker's duties for an attempt from its assignment to its end: W4 to W9 of proto-spec.md, section 11.1.
@Suite struct AttemptDutyTests {
    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w4AnswersEachAssignment(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            let (connection, register) = try stage.master.registered()
            guard let slots = register["slots"]?.integer, slots <= 64 else {
                throw TestSupportError("this check takes at most 64 slots, not \(register)")
            }
            let attempts = (0...slots).map { DutyAttempt("t\($0)") }
            for attempt in attempts { try connection.assign(attempt, "sleep 600") }
            var answered: [DutyAttempt] = []
            var rejected: [DutyAttempt] = []
            let deadline = Deadline.after(seconds: 10)
            while answered.count < attempts.count {
                guard let line = try connection.line(by: deadline) else { throw TestSupportError("it hung up") }
                guard let attempt = DutyAttempt(line), !answered.contains(attempt) else { continue }
                answered.append(attempt)
                if line["op"] == .string("reject") { rejected.append(attempt) }
            }
            guard rejected == [attempts[slots]] else {
                throw TestSupportError("of \(slots) slots, it rejected \(rejected)")
            }
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w4RejectsASpecThatItDoesNotKnow(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            let (connection, _) = try stage.master.registered()
            try connection.assign(DutyAttempt("t1"), stage.script("a", "exit 0"), #","tentacles":8"#)
            let reject = try connection.next("reject", seconds: 10) { DutyAttempt($0) == DutyAttempt("t1") }
            guard reject["error"]?.text?.contains("tentacles") == true else {
                throw TestSupportError("it does not name the member: \(reject)")
            }
            try connection.assign(DutyAttempt("t1", 2), "exit 0")
            try connection.report(DutyAttempt("t1", 2), "completed")
            guard !stage.hasStarted("a") else { throw TestSupportError("what was rejected was started") }
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w5StartsAnAttemptOnce(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            let (connection, _) = try stage.master.registered()
            let running = DutyAttempt("t1")
            let script = "echo x >> \(stage.file("running")); sleep 600"
            try connection.assign(running, script)
            try connection.report(running, "running")
            try connection.assign(running, script)
            let ended = DutyAttempt("t2")
            for _ in 0..<2 {
                try connection.assign(ended, "echo x >> \(stage.file("ended"))")
                _ = try connection.next("status") { line in
                    DutyAttempt(line) == ended && line["status"] == .string("completed")
                } orElse: {
                    $0["op"] == .string("reject") && DutyAttempt($0) == ended
                }
                try connection.settle()
            }
            try connection.assign(DutyAttempt("t3"), "exit 0")
            try connection.report(DutyAttempt("t3"), "completed")
            for name in ["running", "ended"] {
                guard stage.read(name) == "x\n" else { throw TestSupportError("\(name): \(stage.read(name))") }
            }
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w6TellsATaskWhoItIs(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            let (connection, _) = try stage.master.registered()
            let attempt = DutyAttempt("t1", 3)
            let who = "$PODLING_TASK_ID $PODLING_ATTEMPT $PODLING_NODE_ID $OWN"
            try connection.assign(attempt, "test \"\(who)\" = \"t1 3 duty mine\"", #","env":{"OWN":"mine"}"#)
            try connection.report(attempt, "completed")
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w7ReportsHowItEnded(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            let (connection, _) = try stage.master.registered()
            for (index, (script, status, exitCode)) in [
                ("exit 0", "completed", 0), ("exit 3", "failed", 3), ("kill -9 $$", "failed", 137),
            ].enumerated() {
                let attempt = DutyAttempt("t\(index)")
                try connection.assign(attempt, script)
                let end = try connection.report(attempt, "completed", "failed", "cancelled")
                guard end["status"] == .string(status), end["exitCode"]?.integer ?? 0 == exitCode else {
                    throw TestSupportError("\(script): \(end)")
                }
                try connection.settle()
                let said = connection.lines.filter { DutyAttempt($0) == attempt && $0["op"] == .string("status") }
                guard said.count <= 3, said.last == end else { throw TestSupportError("\(script): \(said)") }
            }
            let missing = DutyAttempt("missing")
            try connection.send(
                #"{"ev":"assign",\#(missing),"spec":{"name":"m","image":"none","command":["no-such-program"]}}"#
            )
            try connection.report(missing, "failed")
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w8RepeatsAnEndUntilItIsConfirmed(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            let (first, _) = try stage.master.registered()
            let attempt = DutyAttempt("t1")
            stage.master.answers["status"] = .some(nil)
            try first.assign(attempt, "exit 7")
            try first.report(attempt, "failed")
            first.hangUp()
            stage.master.answers["status"] = DutyMaster.refusal(
                "unavailable",
                isRetryable: true,
                retryAfterMilliseconds: 200
            )
            let (second, register) = try stage.master.registered()
            guard register["attempts"]?.elements.compactMap(DutyAttempt.init) == [attempt] else {
                throw TestSupportError("it registered with \(register)")
            }
            try second.report(attempt, "failed")
            stage.master.answers = [:]
            guard try second.report(attempt, "failed")["exitCode"] == .integer(7) else {
                throw TestSupportError("another end than before")
            }
            try second.settle()
            second.hangUp()
            let (third, last) = try stage.master.registered()
            try third.settle()
            guard last["attempts"]?.elements.isEmpty ?? true,
                !third.lines.contains(where: { DutyAttempt($0) == attempt })
            else { throw TestSupportError("it speaks of what is confirmed: \(third.lines)") }
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w9NamesWhatItHas(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            let (first, _) = try stage.master.registered()
            let (running, ended, confirmed) = (DutyAttempt("t1"), DutyAttempt("t2", 4), DutyAttempt("t3"))
            try first.assign(confirmed, "exit 0")
            try first.report(confirmed, "completed")
            try first.assign(running, "sleep 600")
            try first.report(running, "running")
            try first.settle()
            stage.master.answers["status"] = .some(nil)
            try first.assign(ended, "exit 1")
            try first.report(ended, "failed")
            first.hangUp()
            let (_, register) = try stage.master.registered()
            let named = (register["attempts"]?.elements ?? []).compactMap(DutyAttempt.init)
            guard named.count == 2, named.contains(running), named.contains(ended) else {
                throw TestSupportError("it named \(named)")
            }
        }
    }
}
