import PodlingCore
import Testing

@Suite struct WatchTests {
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
