import PodlingProtocol
import TestSupport
import Testing

@testable import PodlingCore

@Suite struct SessionFlowTests {
    /// A flow whose lines are recorded.
    private final class Bench {
        var flow = SessionFlow(openedAt: 0)
        var lines: [String] = []
        /// Lines after which to stop; nil never stops.
        var linesMax: Int?
        var isGreeted = false

        var state: SessionFlow.State { flow.state }
        var inputBytes: Int { flow.inputBytes }
        func begin() -> Bool { flow.begin() }
        func step(_ hold: SessionFlow.Hold) -> SessionFlow.Step { flow.step(hold) }
        func mayRead(_ hold: SessionFlow.Hold) -> Bool { flow.mayRead(hold) }
        func takeWantedRead(_ hold: SessionFlow.Hold) -> Bool { flow.takeWantedRead(hold) }

        func overdue(
            _ now: Int64,
            hasShownIdentity: Bool = true,
            hold: SessionFlow.Hold = .none
        ) -> String? {
            flow.overdue(SessionDeadlines(), hasShownIdentity: hasShownIdentity, hold: hold, now: now)?.message
        }

        /// Hands over input as the socket would.
        func receive(_ text: String) {
            guard flow.state == .reading else { return keep(text) }
            _ = take(text)
        }

        func keep(_ text: String) {
            var text = text
            text.withUTF8 { flow.keep(UnsafeRawBufferPointer($0)) }
        }

        /// Executes lines once, and says how that ended.
        @discardableResult
        func take(_ text: String? = nil, shareBytes: Int = 1 << 20, now: Int64 = 0) -> WireError? {
            guard flow.begin() else { return nil }
            return flow.finish(execute(text), shareBytes: shareBytes, now: now)
        }

        func execute(_ text: String? = nil) -> SessionFlow.Outcome {
            var (new, left) = ([String](), linesMax ?? .max)
            let isGreeted = isGreeted
            let record = { (line: UnsafeRawBufferPointer) in
                new.append(String(decoding: line, as: UTF8.self))
                left -= 1
                return SessionFlow.LineResult(mayContinue: left > 0, hasGreeted: isGreeted)
            }
            defer { lines += new }
            guard var text else { return flow.execute(nil, record) }
            return text.withUTF8 { flow.execute(UnsafeRawBufferPointer($0), record) }
        }
    }

    @Test func whatComesWhileLinesAreExecutedIsKept() {
        let bench = Bench()
        #expect(bench.begin())
        let outcome = bench.execute("{1}\n{2")
        // The socket calls back while the turn is sent.
        #expect(!bench.begin())
        bench.receive("}\n{3}\n")
        #expect(bench.lines == ["{1}"])
        let hasMore = bench.flow.hasMore(after: outcome)
        let fault = bench.flow.finish(outcome, shareBytes: 0, now: 0)
        #expect(hasMore && fault == nil)
        #expect(bench.state == .stopped)
        #expect(bench.step(.none) == .resume)
        bench.take()
        #expect(bench.lines == ["{1}", "{2}", "{3}"])
        #expect(bench.state == .reading)
        #expect(bench.inputBytes == 0)
    }

    /// Whatever the cuts, the stops and the holds are, each line is executed once and in order.
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func eachLineIsExecutedOnceAndInOrder(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let wanted = (0..<200).map {
            "{\"n\":\($0),\"x\":\"\(String(repeating: "x", count: Int.random(in: 0..<60, using: &random)))\"}"
        }
        var rest = Substring(wanted.map { "\($0)\r\n" }.joined())
        let bench = Bench()
        while !rest.isEmpty || bench.state == .stopped {
            bench.linesMax =
                Int.random(in: 0..<3, using: &random) == 0 ? 1 + Int.random(in: 0..<3, using: &random) : nil
            let piece = String(rest.prefix(Int.random(in: 0..<120, using: &random)))
            switch Int.random(in: 0..<3, using: &random) {
            case 0:
                rest.removeFirst(piece.count)
                bench.keep(piece)
            case 1 where bench.state == .reading:
                rest.removeFirst(piece.count)
                bench.receive(piece)
            default: if bench.state == .stopped { bench.take() }
            }
        }
        #expect(bench.lines == wanted)
        #expect(bench.inputBytes == 0)
    }

    static let steps: [(SessionFlow.Hold, SessionFlow.Step)] = [
        (.none, .resume), (.store, .pause), (.answer, .none), (.peer, .none),
    ]

    @Test(arguments: steps) func aSessionThatWaitsIsQueuedByItsHold(hold: SessionFlow.Hold, step: SessionFlow.Step) {
        let bench = Bench()
        #expect(bench.step(hold) == .none, "nothing is wanted")
        bench.keep("{}\n")
        #expect(bench.step(hold) == step)
        #expect(bench.begin())
        #expect(bench.step(hold) == .none, "it is being executed")
        bench.flow.close()
        #expect(bench.step(hold) == .none)
        #expect(!bench.begin())
    }

    @Test func aDeniedReadIsDueOnce() {
        let bench = Bench()
        #expect(bench.mayRead(.none))
        #expect(!bench.takeWantedRead(.none))
        #expect(!bench.mayRead(.peer))
        #expect(bench.step(.peer) == .none)
        #expect(bench.step(.store) == .pause)
        #expect(!bench.takeWantedRead(.peer))
        #expect(bench.step(.none) == .resume)
        #expect(bench.takeWantedRead(.none))
        #expect(!bench.takeWantedRead(.none))
    }

    @Test(arguments: ["GET / HTTP/1.1\r\n\r\n", " \r\n\tx", "\u{16}\u{3}\u{1}"]) func anotherProtocolIsFound(
        _ text: String
    ) {
        for isKept in [false, true] {
            let bench = Bench()
            #expect(bench.begin())
            if isKept { bench.keep(text) }
            guard case .wrongProtocol(let first) = bench.execute(isKept ? nil : text) else {
                Issue.record("not found in \(text)")
                continue
            }
            #expect(first == text.utf8.first { !" \r\n\t".utf8.contains($0) })
            #expect(bench.lines == [])
        }
    }

    @Test func whiteSpaceComesBeforeAnyLine() {
        let bench = Bench()
        bench.receive(" \r\n")
        bench.receive("\n {\"op\":\"ping\"}\nlater lines begin as they like\n")
        #expect(bench.lines == [" {\"op\":\"ping\"}", "later lines begin as they like"])
    }

    @Test func longLinesAreForThoseWhoGreeted() {
        let long = "{" + String(repeating: "x", count: Limits.lineBytesBeforeHelloMax) + "}\n"
        var bench = Bench()
        #expect(bench.take("{}\n" + long)?.code == .lineTooLong)
        bench = Bench()
        bench.isGreeted = true
        #expect(bench.take("{}\n" + long) == nil)
        #expect(bench.lines.count == 2)
    }

    @Test func aLineThatIsNotWholeMayTakeTheShareOnly() {
        var bench = Bench()
        bench.isGreeted = true
        let part = "{}\n{" + String(repeating: "x", count: SessionFlow.inputBytesMin)
        #expect(bench.take(part, shareBytes: SessionFlow.inputBytesMin)?.code == .overloaded)
        bench = Bench()
        bench.isGreeted = true
        #expect(bench.take(part, shareBytes: 2 * SessionFlow.inputBytesMin) == nil)
    }

    /// Milliseconds at which to look, and the words of the error then.
    static let deadlines: [(String, Int64, String?)] = [
        ("", 9_999, nil), ("", 10_000, "no complete line within 10 s"),
        ("{\"op\"", 10_000, "no complete line within 10 s"),
        ("{}\n", 29_999, nil), ("{}\n", 30_000, "no hello with a token within 30 s"),
    ]

    @Test(arguments: deadlines) func aPeerHasItsTime(text: String, now: Int64, words: String?) {
        let bench = Bench()
        bench.receive(text)
        #expect(bench.overdue(now, hasShownIdentity: false) == words)
        bench.flow.wasStalled(milliseconds: 5_000)
        #expect(bench.overdue(now + 4_999, hasShownIdentity: false) == nil)
        bench.flow.close()
        #expect(bench.overdue(.max, hasShownIdentity: false) == nil)
    }

    @Test func aPartialLineHasItsTimeFromItsBeginning() {
        let bench = Bench()
        bench.take("{}\n{", now: 1_000)
        bench.take("1", now: 20_000)
        #expect(bench.overdue(30_999) == nil)
        #expect(bench.overdue(31_000) == "a line was not finished within 30 s")
        bench.take("}\n{2", now: 25_000)
        #expect(bench.overdue(54_999) == nil)
        #expect(bench.overdue(55_000) != nil)
        // A peer that has closed its sending side finishes no line.
        bench.flow.inputClosed()
        #expect(bench.overdue(99_000) == nil)
    }

    /// What the master does not read, the peer cannot finish.
    @Test(arguments: [SessionFlow.Hold.store, .answer, .peer])
    func aPartialLineHasItsTimeWhileTheMasterReads(hold: SessionFlow.Hold) {
        let bench = Bench()
        bench.take("{}\n{", now: 0)
        #expect(bench.overdue(29_999, hold: hold) == nil)
        #expect(bench.overdue(59_998) == nil)
        #expect(bench.overdue(59_999) != nil)
    }

    @Test func aLineThatIsKeptIsNotUnfinished() {
        let bench = Bench()
        bench.take("{}\n{", now: 0)
        bench.keep("}\n")
        #expect(bench.overdue(60_000) == nil)
    }

    /// A socket that is closed with unread input loses what was sent last.
    @Test func inputIsReadAndDroppedUntilTheEnd() {
        let bench = Bench()
        bench.flow.close()
        for hold in [SessionFlow.Hold.none, .store, .peer] { #expect(bench.mayRead(hold)) }
        bench.keep("{}\n")
        #expect(bench.inputBytes == 0)
    }

    @Test func anotherProtocolIsSaidBeforeItsSize() {
        let bench = Bench()
        bench.keep("GET / " + String(repeating: "x", count: 2 * SessionFlow.inputBytesMin))
        #expect(bench.take(shareBytes: 0) == nil)
    }
}
