import PodlingCore
import PodlingProtocol
import Testing

/// Output on its way through the master: checked, bounded, counted.
@Suite struct OutputTests {
    /// A reader that follows a running task; with the number by which the worker knows it.
    private struct Reading: ~Copyable {
        var harness = CoreHarness { $0.leaseMilliseconds = 1_000_000 }
        let client: SessionID
        let worker: SessionID
        let task: String

        init(_ members: String = "") {
            client = harness.client()
            worker = harness.worker(1, node: "n1")
            task = harness.submit(from: client)
            _ = harness.report(task, 1, "running", from: worker)
            harness.send(#"{"op":"logs","taskId":"\#(task)","follow":true\#(members)}"#, from: client)
        }

        mutating func asked() -> String { harness.take(worker).last ?? "" }

        /// One line of so many bytes of output; what the worker is told for it.
        mutating func output(_ bytes: Int) -> [String] {
            let text = String(repeating: "x", count: bytes)
            return harness.send(#"{"op":"log","sub":1,"stream":"stdout","text":"\#(text)"}"#, from: worker)
        }

        mutating func end(_ members: String = "") -> String {
            _ = harness.report(task, 1, "completed", from: worker)
            harness.send(#"{"op":"log_end","sub":1\#(members)}"#, from: worker)
            return harness.take(client).last ?? ""
        }
    }

    @Test(arguments: [
        (#""text":"a","b64":"YQ==""#, "text"), ("", "text"), (#""text":7"#, "text"), (#""b64":"YQ=""#, "b64"),
        (#""b64":"YQ""#, "b64"), (#""b64":"Y*==""#, "b64"), (#""b64":"YR==""#, "b64"), (#""b64":"====""#, "b64"),
        (#""b64":"YQ==YQ==""#, "b64"), (#""text":"\#(String(repeating: "x", count: 32_769))""#, "text"),
        (#""b64":"\#(String(repeating: "A", count: 43_696))""#, "b64"),
    ])
    func aLineOfOutputIsChecked(_ members: String, _ field: String) {
        var reading = Reading()
        let line = #"{"op":"log","id":5,"sub":1,"stream":"stdout"\#(members.isEmpty ? "" : ",")\#(members)}"#
        let answer = reading.harness.send(line, from: reading.worker).last ?? ""
        #expect(answer.contains(#""code":"bad_request""#) && answer.contains(#""field":"\#(field)""#), "\(answer)")
        #expect(reading.harness.take(reading.client).filter { $0.contains(#""ev":"log""#) }.isEmpty)
    }

    @Test(arguments: [#""text":"""#, #""b64":"""#, #""b64":"YQ==""#, #""b64":"YWI=""#, #""b64":"YWJj""#])
    func whatIsRightIsPassedOn(_ members: String) {
        var reading = Reading()
        _ = reading.harness.take(reading.client)
        let line = #"{"op":"log","id":5,"sub":1,"stream":"stderr",\#(members)}"#
        #expect(reading.harness.send(line, from: reading.worker).last == #"{"re":5,"ok":{}}"#)
        let passed = #"{"ev":"log","sub":1,"attempt":1,"stream":"stderr",\#(members)}"#
        #expect(reading.harness.take(reading.client) == [passed])
    }

    /// It ran on a node that is lost, and waited to run again: its output is not known to be nothing.
    @Test func theOutputOfALostAttemptIsNotSaidToBeWhole() {
        var harness = CoreHarness()
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(from: client)
        _ = harness.report(task, 1, "running", from: worker)
        harness.close(worker)
        harness.advance(milliseconds: 40_000)
        #expect(harness.task(task).contains(#""status":"pending""#))
        harness.send(#"{"op":"cancel","taskId":"\#(task)"}"#, from: client)
        let answer = harness.send(#"{"op":"logs","id":1,"taskId":"\#(task)"}"#, from: client)
        #expect(answer.last?.contains(#""code":"unavailable""#) == true, "\(answer)")
    }

    @Test func aPlaceIsPassedOnOfTheSameAttemptOnly() {
        var reading = Reading(#","from":{"attempt":1,"stdout":7}"#)
        #expect(reading.asked().contains(#""from":{"stdout":7,"stderr":0},"window":262144"#))
        var other = Reading(#","from":{"attempt":2,"stdout":7}"#)
        #expect(other.asked().contains(#""from":{"stdout":0,"stderr":0}"#))
        let refused = reading.harness.send(
            #"{"op":"logs","id":9,"taskId":"\#(reading.task)","from":{"stdout":-1}}"#,
            from: reading.client
        )
        #expect(refused.last?.contains(#""field":"from.stdout""#) == true)
    }

    @Test func aWorkerHearsWhatIsTaken() {
        var reading = Reading()
        _ = reading.asked()
        #expect(reading.output(32_768).isEmpty)
        #expect(reading.output(32_768) == [#"{"ev":"logs_taken","sub":1,"bytes":65536}"#])
    }

    /// Within its window a worker loses nothing, however slowly it is read; the rest waits with it.
    @Test func aReaderThatLagsHoldsTheWorkerUp() {
        var reading = Reading()
        _ = reading.asked()
        _ = reading.harness.take(reading.client)
        reading.harness.backedUp(reading.client, true)
        for _ in 0..<8 { #expect(reading.output(32_768).isEmpty) }
        reading.harness.advance(milliseconds: 60_000)
        #expect(reading.harness.take(reading.client).count == 8, "all of the window is there")
        reading.harness.backedUp(reading.client, false)
        #expect(reading.harness.take(reading.worker) == [#"{"ev":"logs_taken","sub":1,"bytes":262144}"#])
        #expect(reading.end().contains(#""dropped":0"#))
    }

    @Test func whatAWorkerSendsBeyondItsWindowIsCountedInBytesOfOutput() {
        var reading = Reading()
        reading.harness.backedUp(reading.client, true)
        for _ in 0..<8 { _ = reading.output(32_768) }
        let lines = [#""text":"\u00e9\n""#, #""b64":"/w==""#]
        for line in lines {
            reading.harness.send(#"{"op":"log","sub":1,"stream":"stdout",\#(line)}"#, from: reading.worker)
        }
        #expect(reading.end(#","dropped":1000"#).contains(#""dropped":1004}"#))
    }

    @Test func whatTheWorkerCannotCountIsSaid() {
        var reading = Reading()
        #expect(reading.end(#","gap":true"#).contains(#""dropped":0,"gap":true}"#))
    }

    /// The end of the attempt is no reason to give up a worker whose reader lags.
    @Test func aReaderThatLagsAfterTheEndIsWaitedFor() {
        var reading = Reading()
        reading.harness.backedUp(reading.client, true)
        _ = reading.output(100)
        _ = reading.harness.report(reading.task, 1, "completed", from: reading.worker)
        _ = reading.harness.take(reading.client)
        reading.harness.advance(milliseconds: 60_000)
        #expect(reading.harness.take(reading.client).isEmpty)
        reading.harness.backedUp(reading.client, false)
        reading.harness.advance(milliseconds: 11_000)
        #expect(reading.harness.take(reading.client).last?.contains(#""code":"unavailable""#) == true)
    }
}
