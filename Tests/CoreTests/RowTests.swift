import PodlingCore
import PodlingProtocol
import Testing

/// What the store is handed is what `get` tells.
@Suite struct RowTests {
    /// Each line after which a task differs, and the member that shows it.
    @Test func whatARequestChangesIsInTheNextBatch() {
        var harness = CoreHarness()
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(from: client)
        _ = harness.report(task, 1, "running", from: worker)
        harness.send(#"{"op":"cancel","taskId":"\#(task)"}"#, from: client)
        _ = harness.core.takeChanges()
        harness.send(#"{"op":"cancel","taskId":"\#(task)","error":"said again"}"#, from: client)
        let batch1 = harness.core.takeChanges()
        #expect(batch1.tasks.first?.error == "said again")
        _ = harness.report(task, 1, "running", #","containerId":"c1""#, from: worker)
        let batch2 = harness.core.takeChanges()
        #expect(batch2.tasks.first?.containerID == "c1")
    }

    /// A report that repeats the state that is there changes nothing: neither times nor an exit code.
    @Test func aRepeatedReportChangesNothing() {
        var harness = CoreHarness()
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(from: client)
        _ = harness.report(task, 1, "running", from: worker)
        let before = harness.task(task)
        _ = harness.core.takeChanges()
        harness.advance(milliseconds: 2_000)
        _ = harness.report(task, 1, "running", #","exitCode":7,"startedAt":"2026-01-01T20:40:01Z""#, from: worker)
        let after = harness.task(task)
        #expect(after == before)
        let batch3 = harness.core.takeChanges()
        #expect(batch3.tasks.isEmpty)
    }

    /// PostgreSQL has no NUL in its texts, so neither has the task.
    @Test func aTextOfAWorkerHasNoNUL() {
        var harness = CoreHarness()
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(from: client)
        _ = harness.report(task, 1, "failed", #","error":"a\u0000b""#, from: worker)
        let said = harness.task(task)
        #expect(said.contains("\"error\":\"a\u{FFFD}b\""), "\(said)")
        let batch4 = harness.core.takeChanges()
        #expect(batch4.tasks.first?.error == "a\u{FFFD}b")
    }

    /// Two tasks of a store may have one key: the newer is who a submit meets, also when the older is forgotten.
    @Test func theEndOfAnotherTaskFreesNoKey() {
        var harness = CoreHarness { $0.finishedAgeMilliseconds = 3_600_000 }
        for (number, age) in [(1, 3_599_000), (2, 1_000)] {
            var row = TaskRow(id: TaskID(number: UInt64(number)), createdAt: harness.now.wall - Int64(age))
            row.spec = Array(#""name":"a","image":"b","idempotencyKey":"k""#.utf8)
            (row.status, row.attempt, row.finishedAt) = (.completed, 1, row.createdAt)
            let isTaken = harness.core.restore(row)
            #expect(isTaken)
        }
        harness.core.endRestore()
        harness.advance(milliseconds: 5_000)
        let answer = harness.send(
            #"{"op":"submit","name":"a","image":"b","idempotencyKey":"k"}"#,
            from: harness.client()
        )
        #expect(answer.first?.contains(#""duplicate":true"#) == true, "\(answer)")
        #expect(answer.first?.contains(TaskID(number: 2).text) == true, "\(answer)")
    }
}
