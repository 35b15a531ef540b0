import Glibc
import TestSupport
import Testing

/// A worker's duties on the connection to its master: W1, W2, W3, W13, W14 and W18 of proto-spec.md, section 11.1.
@Suite struct ConnectionDutyTests {
    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w1SaysWhoItIs(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            let first = try stage.master.connection()
            let hello = try first.line(by: .after(seconds: DutyMaster.waitSeconds))
            guard hello?["op"] == .string("hello"), hello?["role"] == .string("worker"), hello?["proto"] == .integer(1),
                hello?["node"] == .string("duty"), let instance = hello?["instance"]?.text
            else { throw TestSupportError("the first line is \(String(describing: hello))") }
            try first.next("register")
            first.hangUp()
            let second = try stage.master.connection()
            guard try second.next("hello")["instance"]?.text == instance else {
                throw TestSupportError("the same worker has another instance on its next connection")
            }
            stage.worker.terminate()
            try stage.restart()
            let third = try stage.master.connection()
            guard try third.next("hello")["instance"]?.text != instance else {
                throw TestSupportError("a new start has the instance of the last")
            }
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w2PassesOverWhatItDoesNotKnow(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            let (connection, _) = try stage.master.registered()
            try connection.send(#"{"ev":"news","of":[{"what":1}]}"#)
            try connection.send(#"{"ev":"quiet","on":true,"later":1}"#)
            try connection.send(#"{"ev":"quiet","on":false}"#)
            try connection.assign(DutyAttempt("t1"), "exit 0")
            try connection.report(DutyAttempt("t1"), "completed")
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w3RenewsItsLease(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            (stage.master.leaseMilliseconds, stage.master.heartbeatMilliseconds) = (3_000, 500)
            let (connection, _) = try stage.master.registered()
            for _ in 0..<4 { try connection.next("heartbeat", seconds: 3) }
        }
    }

    /// A worker that was paused for longer than its lease finds an assignment.
    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w3StartsNothingPastItsLease(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            (stage.master.leaseMilliseconds, stage.master.heartbeatMilliseconds) = (2_000, 500)
            let (connection, _) = try stage.master.registered()
            try connection.next("heartbeat")
            try stage.worker.pause()
            let late = DutyAttempt("t1")
            try connection.assign(late, stage.script("late", "sleep 600"))
            Deadline.after(seconds: 2.5).elapse()
            let refusal = DutyMaster.refusal("unregistered", isRetryable: true)
            for op in ["heartbeat", "accept", "status", "reject"] { stage.master.answers[op] = refusal }
            stage.master.answers["register"] = .some(nil)
            stage.worker.signal(SIGCONT)
            let (next, register) = try stage.master.registeredAgain(connection)
            stage.master.answers = [:]
            let named = (register["attempts"]?.elements ?? []).compactMap(DutyAttempt.init)
            try next.reply(to: register, stage.master.order(kill: named))
            try next.assign(DutyAttempt("t1", 2), stage.script("next", "exit 0"))
            try next.report(DutyAttempt("t1", 2), "completed")
            guard !stage.hasStarted("late") else { throw TestSupportError("it was started past the lease") }
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w13RegistersAnew(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            stage.master.heartbeatMilliseconds = 300
            let (connection, _) = try stage.master.registered()
            try connection.assign(DutyAttempt("t1"), stage.script("a", "sleep 600"))
            try connection.report(DutyAttempt("t1"), "running")
            let pid = try stage.started("a")
            stage.master.answers["heartbeat"] = DutyMaster.refusal("unregistered", isRetryable: true)
            let (next, register) = try stage.master.registeredAgain(connection)
            stage.master.answers = [:]
            guard register["attempts"]?.elements.compactMap(DutyAttempt.init) == [DutyAttempt("t1")] else {
                throw TestSupportError("it registered with \(register)")
            }
            try next.next("heartbeat")
            guard stage.isAlive(pid) else { throw TestSupportError("what was kept does not run") }
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w13PassesByAStandby(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            let greeting =
                #"{"ev":"hello","proto":[1,1],"auth":"none","line_max":1048576,"server":"d/1","standby":true}"#
            let refusal = DutyMaster.refusal("not_leader", isRetryable: true)
            for op in ["hello", "register"] { stage.master.answers[op] = refusal }
            try stage.master.connection(greeting: greeting).awaitEnd()
            try stage.master.connection().awaitEnd()
            stage.master.answers = [:]
            _ = try stage.master.registered()
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w14LeavesASilentMaster(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            (stage.master.leaseMilliseconds, stage.master.heartbeatMilliseconds) = (1_500, 300)
            let (silent, _) = try stage.master.registered()
            stage.master.answers["heartbeat"] = .some(nil)
            try silent.awaitEnd()
            _ = try stage.master.registered()
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w18WaitsAsItIsTold(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            let (first, _) = try stage.master.registered()
            try first.send(#"{"ev":"drain","deadline_ms":1000,"reconnect_ms":[1500,1600]}"#)
            try first.settle()
            stage.master.answers["register"] = DutyMaster.refusal(
                "conflict",
                isRetryable: true,
                retryAfterMilliseconds: 1_500
            )
            let drained = ContinuousClock.now
            first.hangUp()
            let second = try stage.master.connection()
            guard ContinuousClock.now - drained > .milliseconds(1_400) else {
                throw TestSupportError("it came back before the time that drain gave")
            }
            try second.next("register")
            let refused = ContinuousClock.now
            stage.master.answers = [:]
            _ = try stage.master.registeredAgain(second)
            guard ContinuousClock.now - refused > .milliseconds(1_400) else {
                throw TestSupportError("it registered again before retry_after_ms")
            }
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: DutyWorker.all)
    func w18DoesNotHammer(worker: DutyWorker) async throws {
        try await DutyStage.check(worker) { stage in
            let begin = ContinuousClock.now
            for _ in 0..<6 { try stage.master.connection().hangUp() }
            guard ContinuousClock.now - begin > .milliseconds(500) else {
                throw TestSupportError("six connections within half a second")
            }
        }
    }
}
