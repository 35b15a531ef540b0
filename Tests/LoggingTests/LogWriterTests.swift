import Glibc
import Logging
import Synchronization
import TestSupport
import Testing

@testable import PodlingLogging

@Suite(.timeLimit(.minutes(5))) struct LogWriterTests {
    /// A pipe, and what comes out of it.
    private final class Pipe: Sendable {
        let reader: Int32
        let writer: Int32

        init() throws {
            struct NoPipe: Error {}
            var ends: [Int32] = [0, 0]
            guard pipe(&ends) == 0 else { throw NoPipe() }
            (reader, writer) = (ends[0], ends[1])
        }

        deinit { Glibc.close(reader) }

        func closeWriter() { Glibc.close(writer) }

        func lines() -> [String] {
            var bytes: [UInt8] = []
            while true {
                let chunk = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
                    count = max(0, read(reader, buffer.baseAddress, buffer.count))
                }
                guard !chunk.isEmpty else { break }
                bytes += chunk
            }
            return bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    private static func remark(_ level: Logger.Level, _ text: String) -> [UInt8] {
        Array("\(level): \(text)\n".utf8)
    }

    /// What the remarks with those words say, together.
    private static func leftOut(_ lines: [String], _ words: String) -> Int {
        lines.filter { $0.hasSuffix(words) }
            .compactMap { $0.split(separator: " ").dropFirst().first.flatMap { Int($0) } }.reduce(0, +)
    }

    private final class ReadLines: Sendable {
        let lines = Mutex<[String]>([])
    }

    /// A thousand times a pipe's capacity, without a reader.
    @Test func nobodyWaitsForAFullPipe() throws {
        let pipe = try Pipe()
        let writer = LogWriter(
            descriptor: pipe.writer,
            budget: LogBudget(linesMax: .max),
            queueBytesMax: 100_000,
            remark: Self.remark
        )
        let count = 64_000
        let filler = String(repeating: "x", count: 1_000)
        for number in 0..<count { writer.write(Array("\(number) \(filler)\n".utf8), .info) }
        writer.write(Array("the end\n".utf8), .critical)
        // Without a reader, the end of the program waits this long and no longer.
        writer.flush(milliseconds: 10)
        let read = ReadLines()
        // On a thread of its own: other tests may block all of Swift's.
        let reading = TestThread { read.lines.withLock { $0 = pipe.lines() } }
        writer.flush(milliseconds: 30_000)
        pipe.closeWriter()
        try reading.join(seconds: 60)
        let lines = read.lines.withLock { $0 }
        let left = Self.leftOut(lines, "log lines were left out: what reads standard error did not keep up")
        #expect(left > 0)
        // In their order.
        let numbers = lines.compactMap { Int($0.prefix { $0 != " " }) }
        #expect(numbers == numbers.sorted())
        #expect(numbers.count + left == count)
        #expect(lines.contains("the end"))
    }

    @Test func tooManyLinesAreToldByTheirNumber() async throws {
        let pipe = try Pipe()
        let writer = LogWriter(
            descriptor: pipe.writer,
            budget: LogBudget(linesMax: 10),
            remark: Self.remark
        )
        for number in 0..<1_000 { writer.write(Array("\(number)\n".utf8), .warning) }
        writer.write(Array("the end\n".utf8), .critical)
        writer.flush(milliseconds: 30_000)
        pipe.closeWriter()
        let lines = pipe.lines()
        let left = Self.leftOut(
            lines,
            "log lines of the level warning were left out: there were too many in a second"
        )
        #expect(lines.contains("the end"))
        #expect(left > 0)
        #expect(lines.filter { Int($0) != nil }.count + left == 1_000)
    }

    /// A peer's input does not determine the length of a line.
    @Test(arguments: [LogFormat.text, .json]) func aLineIsCut(format: LogFormat) {
        let line = LogLine(
            milliseconds: 0,
            level: "info",
            label: "l",
            message: String(repeating: "ä€", count: 100_000),
            members: [("a", String(repeating: "\u{1}", count: 100_000))]
        )
        #expect(line.bytes(format).count < 40_000)
    }
}
