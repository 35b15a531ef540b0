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

    @Test func passingByMuchIsNotSilent() {
        var cursor = LogCursor(start: LogPosition(stdoutBytes: 100 << 20))
        let piece = [UInt8](repeating: 0, count: 1 << 20)
        var signs = 0
        for _ in 0..<100 {
            cursor.take(.stdout, [], piece)
            let ready = cursor.takeReady()
            #expect(ready.allSatisfy { $0.bytes.isEmpty })
            signs += ready.count
        }
        #expect(signs == 25)
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
