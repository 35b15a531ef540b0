import FoundationEssentials
import Glibc
import PodlingProtocol

/// One measured figure.
struct CodecFigure {
    let name: String
    let value: Double
    let unit: String
}

/// The codec beside Foundation's, on the same lines of about 250 bytes, in one run.
enum CodecBenchmarks {
    private static let lineCount = 1_000
    private static let roundCount = 30
    private static let roundSeconds = 0.02

    static func run() -> [CodecFigure] {
        let requests = (0..<lineCount).map(SubmitLine.init)
        let statuses = (0..<lineCount).map(StatusLine.init)
        let submits = requests.map { Array($0.text.utf8) }
        let statusLines = statuses.map { line(of: $0) }
        let bytes = Double(submits.reduce(0) { $0 + $1.count }) / Double(lineCount)
        let statusBytes = Double(statusLines.reduce(0) { $0 + $1.count }) / Double(lineCount)
        let figures = [
            ("read: check and index", reading(submits, values: false)),
            ("read: and take the values", reading(submits, values: true)),
            ("read: Foundation", decoding(submits)),
            ("write", writing(statuses)),
            ("write: Foundation", encoding(statuses)),
            ("cut lines", cutting(submits)),
        ]
        let floors = [("read beside Foundation", 1, 2), ("write beside Foundation", 3, 4)]
        return [
            CodecFigure(name: "submit line", value: bytes, unit: "bytes"),
            CodecFigure(name: "status line", value: statusBytes, unit: "bytes"),
        ]
            + figures.map { CodecFigure(name: $0.0, value: $0.1, unit: "lines/s") }
            + floors.map { CodecFigure(name: $0.0, value: figures[$0.1].1 / figures[$0.2].1, unit: "times") }
    }

    /// Lines a second of processor time, so that a busy machine does not spoil it; the best of some rounds.
    /// - Parameter body: handles the line of an index and returns a byte count.
    private static func measure(_ body: (Int) -> Int) -> Double {
        var best = 0.0
        var sum = 0
        for _ in 0..<roundCount {
            let start = processorSeconds()
            var (turns, seconds) = (0, 0.0)
            repeat {
                for index in 0..<lineCount { sum &+= body(index) }
                turns += 1
                seconds = processorSeconds() - start
            } while seconds < roundSeconds
            best = max(best, Double(turns * lineCount) / seconds)
        }
        precondition(sum != 0, "the optimizer must not drop the work")
        return best
    }

    private static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func reading(_ lines: [[UInt8]], values: Bool) -> Double {
        var reader = JSONReader()
        return measure { index in
            lines[index].withUnsafeBytes { line in
                guard let root = try? reader.parse(line).root else { return 0 }
                return values ? take(root) : root.count
            }
        }
    }

    private static func take(_ root: JSONValue) -> Int {
        var sum = 0
        for member in root.members {
            if member.keyEquals("op") {
                sum &+= member.value.stringEquals("submit") ? 1 : 0
            } else if member.keyEquals("id") || member.keyEquals("priority") {
                sum &+= member.value.int() ?? 0
            } else if member.keyEquals("name") || member.keyEquals("image") {
                sum &+= member.value.string()?.utf8.count ?? 0
            } else if member.keyEquals("command") {
                for element in member.value.elements { sum &+= element.string()?.utf8.count ?? 0 }
            } else if member.keyEquals("env") {
                for entry in member.value.members {
                    sum &+= entry.name.utf8.count &+ (entry.value.string()?.utf8.count ?? 0)
                }
            } else if member.keyEquals("resources") {
                sum &+= member.value["requests"]?["memory"]?.int() ?? 0
                sum &+= Int(member.value["requests"]?["cpu"]?.double() ?? 0)
            }
        }
        return sum
    }

    private static func decoding(_ lines: [[UInt8]]) -> Double {
        let decoder = JSONDecoder()
        let data = lines.map { Data($0) }
        return measure { index in
            (try? decoder.decode(SubmitLine.self, from: data[index]))?.name.utf8.count ?? 0
        }
    }

    private static func line(of status: StatusLine) -> [UInt8] {
        var writer = JSONWriter(capacityBytes: 512)
        status.write(to: &writer)
        return writer.withUnsafeBytes { Array($0) }
    }

    private static func writing(_ statuses: [StatusLine]) -> Double {
        var writer = JSONWriter(capacityBytes: 64 * 1024)
        return measure { index in
            if writer.count > 32 * 1024 { writer.removeAll() }
            statuses[index].write(to: &writer)
            return writer.count
        }
    }

    private static func encoding(_ statuses: [StatusLine]) -> Double {
        let encoder = JSONEncoder()
        return measure { index in (try? encoder.encode(statuses[index]))?.count ?? 0 }
    }

    private static func cutting(_ lines: [[UInt8]]) -> Double {
        let stream = Array(lines.map { $0 + [0x0A] }.joined())
        let chunkBytes = 16 * 1024
        let turns = measure { _ in
            var decoder = LineDecoder(lineBytesMax: Limits.lineBytesMax)
            var count = 0
            stream.withUnsafeBytes { bytes in
                for start in stride(from: 0, to: bytes.count, by: chunkBytes) {
                    let chunk = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + chunkBytes, bytes.count)])
                    _ = decoder.process(chunk) { line in
                        count &+= line.count
                        return true
                    }
                }
            }
            return count
        }
        return turns * Double(lineCount)
    }
}

/// A request as clients send it.
private struct SubmitLine: Codable {
    struct Resources: Codable {
        struct Amounts: Codable {
            let cpu: Double
            let memory: Int
        }

        let requests: Amounts
    }

    let op: String
    let id: Int
    let name: String
    let image: String
    let command: [String]
    let env: [String: String]
    let resources: Resources
    let priority: Int

    init(_ index: Int) {
        op = "submit"
        id = index * 7919
        name = "render-frame-\(index)"
        image = "registry.example.com/render:1.\(index % 40)"
        command = ["render", "--frame", String(index), "--out", "/data/out"]
        env = ["STAGE": index % 3 == 0 ? "production" : "test"]
        resources = Resources(requests: Resources.Amounts(cpu: Double(index % 8) / 4 + 0.25, memory: 268_435_456))
        priority = index % 10
    }

    var text: String {
        let arguments = command.map { "\"\($0)\"" }.joined(separator: ",")
        let variables = env.map { "\"\($0.key)\":\"\($0.value)\"" }.joined(separator: ",")
        return #"{"op":"\#(op)","id":\#(id),"name":"\#(name)","image":"\#(image)","command":[\#(arguments)],"#
            + #""env":{\#(variables)},"resources":{"requests":{"cpu":\#(resources.requests.cpu),"#
            + #""memory":\#(resources.requests.memory)}},"priority":\#(priority)}"#
    }
}

/// What a reply shows of a task.
private struct StatusLine: Codable {
    let taskId: String
    let name: String
    let status: String
    let attempt: Int
    let nodeId: String
    let createdAt: String
    let startedAt: String
    let exitCode: Int
    let reason: String
    let isFinal: Bool
    /// The same instants as numbers, which the writer formats itself.
    let createdMilliseconds: Int64
    let startedMilliseconds: Int64

    private enum CodingKeys: String, CodingKey {
        case taskId, name, status, attempt, nodeId, createdAt, startedAt, exitCode, reason, isFinal
    }

    init(from decoder: any Decoder) throws { throw CancellationError() }

    init(_ index: Int) {
        createdMilliseconds = 1_795_473_067_123 + Int64(index) * 11
        startedMilliseconds = createdMilliseconds + 40
        taskId = "01JD4M8Z6QK3N7V2T9X5R1B\(1_000 + index)"
        name = "render-frame-\(index)"
        status = index % 2 == 0 ? "running" : "completed"
        attempt = 1 + index % 3
        nodeId = "node-\(index % 50)"
        createdAt = Timestamp.format(createdMilliseconds)
        startedAt = Timestamp.format(startedMilliseconds)
        exitCode = index % 5
        reason = "exit_code"
        isFinal = index % 2 == 1
    }

    func write(to writer: inout JSONWriter) {
        writer.raw(#"{"taskId":"#)
        writer.string(taskId)
        writer.raw(#","name":"#)
        writer.string(name)
        writer.raw(#","status":"#)
        writer.string(status)
        writer.raw(#","attempt":"#)
        writer.int(attempt)
        writer.raw(#","nodeId":"#)
        writer.string(nodeId)
        writer.raw(#","createdAt":"#)
        writer.timestamp(milliseconds: createdMilliseconds)
        writer.raw(#","startedAt":"#)
        writer.timestamp(milliseconds: startedMilliseconds)
        writer.raw(#","exitCode":"#)
        writer.int(exitCode)
        writer.raw(#","reason":"#)
        writer.string(reason)
        writer.raw(#","isFinal":"#)
        writer.bool(isFinal)
        writer.raw("}")
        writer.newline()
    }
}
