import PodlingAgent
import Testing

@testable import PodlingWorker

/// What is let through of a log that is opened again and again.
@Suite struct LogCursorTests {
    /// A line of a log: its stream, its time (empty where the engine gives none), its bytes.
    private typealias Line = (stream: LogChunk.Stream, stamp: String, text: String)

    private static let log: [Line] = [
        (.stdout, "1", "one\n"), (.stderr, "2", "two\n"), (.stdout, "3", "thr"), (.stdout, "3", "ee\n"),
        (.stdout, "4", "four"),
    ]

    private func read(_ lines: some Sequence<Line>, _ cursor: inout LogCursor) -> String {
        for line in lines { cursor.take(line.stream, Array(line.stamp.utf8), Array(line.text.utf8)) }
        return cursor.takeReady().reduce(into: "") { text, chunk in
            if chunk.loss == .unknown { text += "?" }
            text += (chunk.stream == .stderr ? "!" : "") + String(decoding: chunk.bytes, as: UTF8.self)
        }
    }

    private static func log(isStamped: Bool) -> [Line] {
        isStamped ? log : log.map { ($0.stream, "", $0.text) }
    }

    @Test(arguments: [true, false], 0...log.count) func whatWasReadDoesNotComeAgain(isStamped: Bool, cut: Int) {
        let log = Self.log(isStamped: isStamped)
        var cursor = LogCursor()
        let first = read(log[..<cut], &cursor)
        cursor.reopen()
        let rest = read(log, &cursor)
        #expect(first + rest == "one\n!two\nthree\nfour", "\(first)|\(rest)")
        #expect(!cursor.isBehind)
    }

    @Test(arguments: [true, false]) func itBeginsWhereItIsTold(isStamped: Bool) {
        let log = Self.log(isStamped: isStamped)
        var cursor = LogCursor(start: LogPosition(stdoutBytes: 6, stderrBytes: 1))
        #expect(cursor.earliestStamp == nil, "it counts from the beginning")
        #expect(read(log[..<3], &cursor) == "!wo\nr", "one byte of the second line of stdout is to be passed by")
        cursor.reopen()
        #expect(read(log, &cursor) == "ee\nfour")
    }

    /// What broke off before the place was reached is counted anew.
    @Test func aPlaceThatWasNotReachedIsCountedAnew() {
        var cursor = LogCursor(start: LogPosition(stdoutBytes: 6))
        _ = read(Self.log[..<2], &cursor)
        cursor.reopen()
        #expect(read(Self.log, &cursor) == "ree\nfour")
    }

    @Test func aLogThatHasLostItsBeginningGoesOnByTheTime() {
        var cursor = LogCursor()
        _ = read(Self.log[..<4], &cursor)
        cursor.reopen()
        #expect(cursor.earliestStamp == [UInt8(ascii: "2")])
        #expect(read(Self.log[2...], &cursor) == "four")
    }

    @Test func aLogThatHasLostWhatWasNotReadSaysSo() {
        var cursor = LogCursor()
        _ = read(Self.log[..<1], &cursor)
        cursor.reopen()
        #expect(read(Self.log[4...], &cursor) == "?four")
        var counting = LogCursor(start: LogPosition(stdoutBytes: 100))
        #expect(read(Self.log(isStamped: false), &counting) == "!two\n")
        #expect(counting.isBehind)
    }

    @Test func afterTheEndOfALogOnlyWhatIsNewComes() {
        var cursor = LogCursor()
        _ = read(Self.log[3...], &cursor)
        cursor.endTail()
        cursor.reopen()
        let more: [Line] = [(.stderr, "5", "five\n"), (.stdout, "6", "six")]
        #expect(read(Self.log + more, &cursor) == "!five\nsix")
    }

    /// A line that is written while it is read comes once, and whole.
    @Test(arguments: [true, false]) func aHalfWrittenLineIsHeldBack(isStamped: Bool) {
        let log = Self.log(isStamped: isStamped).filter {
            $0.stream == .stdout && $0.text != "thr" && $0.text != "ee\n"
        }
        var cursor = LogCursor()
        cursor.holdsLast = true
        let half: Line = (.stdout, log[1].stamp, "fo\n")
        #expect(look([log[0], half], &cursor) == "one\n")
        #expect(look(log, &cursor) == "", "it is another than before")
        #expect(look(log, &cursor) == "four", "nobody writes on")
        for _ in 0..<3 { #expect(look(log, &cursor) == "") }
        cursor.release()
        #expect(look(log + [(.stdout, isStamped ? "5" : "", "!")], &cursor) == "!")
    }

    /// One reading of the log as it is.
    private func look(_ lines: [Line], _ cursor: inout LogCursor) -> String {
        for (number, line) in lines.enumerated() {
            cursor.take(line.stream, Array(line.stamp.utf8), Array(line.text.utf8), frame: number + 1)
        }
        var chunks = cursor.takeReady()
        if let due = cursor.releaseIfSame() { chunks.append(due) }
        cursor.reopen()
        return chunks.reduce(into: "") { $0 += String(decoding: $1.bytes, as: UTF8.self) }
    }
}

/// A reader is sent no more than a window ahead of what it takes.
@Suite(.timeLimit(.minutes(1))) struct LogCreditTests {
    @Test func whatIsAheadIsBounded() async throws {
        let credit = LogCredit(windowBytes: 100)
        try await credit.take(60)
        try await credit.take(40)
        let more = Task { try await credit.take(50) }
        credit.grant(upTo: 49)
        credit.grant(upTo: 50)
        try await more.value
        let large = Task { try await credit.take(1_000) }
        credit.grant(upTo: 150)
        try await large.value
    }

    @Test func aReaderThatLeavesLetsGo() async throws {
        let credit = LogCredit(windowBytes: 10)
        try await credit.take(10)
        let more = Task { try await credit.take(1) }
        more.cancel()
        await #expect(throws: CancellationError.self) { try await more.value }
    }

    @Test func withoutAWindowThereIsNoBound() async throws {
        let credit = LogCredit(windowBytes: nil)
        for _ in 0..<100 { try await credit.take(1 << 30) }
    }
}
