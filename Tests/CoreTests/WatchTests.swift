import Testing

@testable import PodlingCore

@Suite struct WatchTests {
    @Test func whatAConnectionWaitedForIsGivenBackWithIt() {
        var harness = CoreHarness { $0.subscriptionsMax = 60 }
        let client = harness.client()
        let task = harness.submit(from: client)
        for round in 1...5 {
            let reader = CoreHarness.session(3, UInt32(round))
            harness.open(reader)
            for _ in 0..<10 {
                harness.send(#"{"op":"watch"}"#, #"{"op":"wait","taskId":"\#(task)"}"#, from: reader)
            }
            let answer = harness.send(#"{"op":"logs","taskId":"\#(task)","follow":true}"#, from: reader)
            #expect(answer.last?.contains(#""ok":{"sub":21"#) == true)
            harness.close(reader)
        }
        #expect(harness.core.subscriptionCount(of: client) == 0)
    }

    @Test func aSlowReaderIsToldOfTheGap() {
        var harness = CoreHarness { $0.eventsKeptMax = 4 }
        let client = harness.client()
        let watcher = harness.client(7)
        harness.send(#"{"op":"watch"}"#, from: watcher)
        harness.backedUp(watcher, true)
        for _ in 0..<10 { _ = harness.submit(from: client) }
        #expect(harness.take(watcher).isEmpty)
        harness.backedUp(watcher, false)
        let lines = harness.take(watcher)
        #expect(lines.first == #"{"ev":"gap","sub":1,"missed":6,"cursor":"e1:6"}"#)
        #expect(lines.count == 5)
        #expect(lines.last?.contains(#""cursor":"e1:10""#) == true)
    }

    /// Whatever the number of its watchers is.
    @Test func theTextOfAnEventIsWrittenOnce() throws {
        var harness = CoreHarness()
        let client = harness.client()
        let watchers = [harness.client(7), harness.client(8)]
        for watcher in watchers { harness.send(#"{"op":"watch"}"#, from: watcher) }
        _ = harness.submit(from: client)
        let number = harness.core.feed.events.next - 1
        let text = try #require(harness.core.feed.texts[number])
        let lines = watchers.compactMap { harness.take($0).last }
        #expect(lines.count == 2 && lines.allSatisfy { $0.hasSuffix(String(decoding: text, as: UTF8.self)) })
    }

    @Test func outputThatNoWorkerSendsEnds() {
        var harness = CoreHarness { $0.leaseMilliseconds = 1_000_000 }
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(from: client)
        _ = harness.report(task, 1, "running", from: worker)
        harness.send(
            #"{"op":"logs","taskId":"\#(task)","follow":true}"#,
            #"{"op":"logs","taskId":"\#(task)"}"#,
            from: client
        )
        harness.advance(milliseconds: 10_250)
        let late = harness.take(client)
        #expect(late.count == 1)
        #expect(late.first?.contains(#""ev":"log_end","sub":2"#) == true)
        #expect(late.first?.contains(#""code":"unavailable""#) == true)
        _ = harness.report(task, 1, "completed", from: worker)
        harness.advance(milliseconds: 5_250)
        #expect(harness.take(client).last?.contains(#""ev":"log_end","sub":1"#) == true)
    }

    @Test func theOutputOfATaskThatIsForgottenEnds() {
        var harness = CoreHarness { $0.finishedTasksMax = 1 }
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(from: client)
        _ = harness.report(task, 1, "running", from: worker)
        harness.send(#"{"op":"logs","taskId":"\#(task)"}"#, from: client)
        _ = harness.report(task, 1, "completed", from: worker)
        let other = harness.submit(from: client)
        _ = harness.report(other, 1, "running", from: worker)
        _ = harness.report(other, 1, "completed", from: worker)
        let end = harness.take(client).last ?? ""
        #expect(end.contains(#""ev":"log_end","sub":1"#) && end.contains("no longer kept"))
        // Its slot is another task's by now: nothing of the old one's may reach that one's readers.
        let next = harness.submit(from: client)
        _ = harness.report(next, 1, "running", from: worker)
        harness.send(#"{"op":"log","sub":1,"stream":"stdout","text":"old"}"#, from: worker)
        #expect(harness.take(client).allSatisfy { !$0.contains("old") })
    }

    @Test func aWatchGoesOnAfterItsCursor() {
        var harness = CoreHarness { $0.eventsKeptMax = 4 }
        let client = harness.client()
        for _ in 0..<6 { _ = harness.submit(from: client) }
        let lines = harness.send(#"{"op":"watch","cursor":"e1:4"}"#, from: client)
        #expect(lines.count == 3)
        #expect(lines[1].contains(#""cursor":"e1:5""#))
        for cursor in ["e1:1", "e0:4", "e1:99"] {
            let answer = harness.send(#"{"op":"watch","cursor":"\#(cursor)"}"#, from: client)
            #expect(answer.first?.contains("cursor_expired") == true)
        }
        #expect(harness.send(#"{"op":"watch","cursor":"x"}"#, from: client).first?.contains("bad_request") == true)
    }
}

/// Many who wait for and watch the same, or more than is read.
@Suite struct ManyWatchersTests {
    @Test func subscriptionsAreShared() {
        var harness = CoreHarness { $0.subscriptionsMax = 100 }
        func take(_ slot: Int) -> Int {
            let session = CoreHarness.session(slot)
            harness.open(session)
            _ = harness.take(session)
            var count = 0
            while harness.send(#"{"op":"watch"}"#, from: session).first?.contains(#""ok""#) == true { count += 1 }
            return count
        }
        // Each takes all it can get, and the next still finds some.
        #expect((1...4).map(take) == [50, 25, 13, 6])
    }

    @Test func watchersOfOneTaskAreToldOfItOnly() {
        var harness = CoreHarness()
        let client = harness.client()
        let tasks = (0..<3).map { _ in harness.submit(from: client) }
        let watchers = (0..<3).map { index in
            let watcher = harness.client(10 + index)
            harness.send(#"{"op":"watch","taskId":"\#(tasks[index])","cursor":"e1:0"}"#, from: watcher)
            return watcher
        }
        for task in tasks { harness.send(#"{"op":"cancel","taskId":"\#(task)"}"#, from: client) }
        for (task, watcher) in zip(tasks, watchers) {
            let lines = harness.take(watcher)
            #expect(lines.count == 2, "\(lines)")
            #expect(lines.allSatisfy { $0.contains(task) })
            #expect(lines.last?.contains(#""ev":"done""#) == true)
            #expect(harness.core.subscriptionCount(of: watcher) == 0)
        }
    }

    /// A watcher that comes with an older cursor beside one that reads nothing is told each event once.
    @Test func cursorsOfOneTaskAreKeptApart() {
        var harness = CoreHarness()
        let client = harness.client()
        let task = harness.submit(from: client)
        let slow = harness.client(5)
        harness.send(#"{"op":"watch","taskId":"\#(task)"}"#, from: slow)
        harness.backedUp(slow, true)
        let worker = harness.worker(1, node: "n1")
        _ = harness.report(task, 1, "running", from: worker)
        let late = harness.client(6)
        let replay = harness.send(#"{"op":"watch","taskId":"\#(task)","cursor":"e1:0"}"#, from: late)
        #expect(replay.map { CoreHarness.text(of: "to", in: $0) ?? "" } == ["", "pending", "scheduled", "running"])
        _ = harness.report(task, 1, "completed", from: worker)
        #expect(harness.take(late).map { CoreHarness.text(of: "ev", in: $0) ?? "" } == ["task", "done"])
        #expect(harness.take(slow).isEmpty)
        harness.backedUp(slow, false)
        let caughtUp = harness.take(slow).map { CoreHarness.text(of: "to", in: $0) ?? "done" }
        #expect(caughtUp == ["scheduled", "running", "completed", "done"])
    }

    /// What is told of ends in one turn is bounded, and everybody is told in some turn.
    @Test func manyWhoWaitForOneTaskAreToldTurnByTurn() {
        var harness = CoreHarness()
        let client = harness.client()
        let value = String(repeating: "x", count: 60_000)
        let task = harness.submit(#","env":{"A":"\#(value)"}"#, from: client)
        let readers = (0..<10).map { harness.client(10 + $0) }
        for reader in readers {
            for _ in 0..<20 { harness.send(#"{"op":"wait","taskId":"\#(task)"}"#, from: reader) }
            _ = harness.take(reader)
        }
        let turns = harness.turns
        harness.send(#"{"op":"cancel","taskId":"\#(task)"}"#, from: client)
        #expect(harness.turns - turns > 10)
        for reader in readers {
            #expect(harness.take(reader).count { $0.contains(#""ev":"done""#) } == 20)
            #expect(harness.core.subscriptionCount(of: reader) == 0)
        }
    }
}
