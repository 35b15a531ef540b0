import FoundationEssentials
import Testing

@testable import podling_client

/// Files of tasks, in chunks of any size.
@Suite struct TaskFileTests {
    private static let chunks = [1, 2, 3, 7, 64, 256 * 1024]

    /// The tasks with their lines, and the fault of the file as a whole.
    private static func read(
        _ text: String,
        chunkBytes: Int,
        needsTrailer: Bool = true
    ) throws -> (items: [String], fault: String?) {
        let path = FileManager.default.temporaryDirectory.path + "/podling-file-\(UUID().uuidString)"
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = try TaskFile(path, chunkBytes: chunkBytes)
        #expect(file.isRegular)
        var items: [String] = []
        while let item = try file.next() {
            items.append("\(item.line) " + String(decoding: item.task, as: UTF8.self))
        }
        return (items, try file.fault(needsTrailer: needsTrailer))
    }

    private static func withTrailer(_ lines: String, count: Int) throws -> String {
        let checksum = Checksum()
        checksum.add(lines.utf8)
        return lines + ExportTrailer(count: count, sha256: try checksum.text()).line
    }

    @Test(arguments: chunks) func linesWithTheirTrailer(chunk: Int) throws {
        let text = try Self.withTrailer("{\"a\":1}\n\n  \n{\"b\":\"]}\"}\n", count: 2)
        for whole in [text, String(text.dropLast()), text + "\n \n"] {
            let read = try Self.read(whole, chunkBytes: chunk)
            #expect(read.items == [#"1 {"a":1}"#, #"4 {"b":"]}"}"#])
            #expect(read.fault == nil)
        }
        let none = try Self.read(try Self.withTrailer("", count: 0), chunkBytes: chunk)
        #expect(none.items.isEmpty && none.fault == nil)
    }

    @Test(arguments: chunks) func anArrayWithItsBracket(chunk: Int) throws {
        for text in [#"[{"a":1},{"b":"]},{\"\\"}]"#, "\n [ {\"a\":1}\n,\n{\"b\":\"]},{\\\"\\\\\"}\n ] \n"] {
            let read = try Self.read(text, chunkBytes: chunk)
            #expect(read.items.map { $0.drop { $0 != "{" } } == [#"{"a":1}"#, #"{"b":"]},{\"\\"}"#])
            #expect(read.fault == nil)
        }
        let laidOut = try Self.read("[\n  {\n    \"a\": {}\r\n  }\n]\n", chunkBytes: chunk)
        #expect(laidOut.items == [#"2 {     "a": {}    }"#])
        #expect(try Self.read("[]", chunkBytes: chunk).items.isEmpty)
    }

    @Test(arguments: [
        "[", "[{", "[{}", "[{},", "[{},]", "[{} {}]", "[1]", "[[]]", "[{}] {}", "[{}]]", #"[{"a":"}]"#, "[,{}]",
    ]) func anArrayThatIsNone(text: String) {
        #expect(throws: Failure.self) { try Self.read(text, chunkBytes: 64) }
    }

    @Test func aFileThatIsNotWhole() throws {
        let whole = try Self.withTrailer("{\"a\":1}\n{\"b\":2}\n", count: 2)
        func fault(_ text: String, _ words: String) throws {
            let found = try Self.read(text, chunkBytes: 64).fault
            #expect(found?.contains(words) == true, "\(text): \(found ?? "whole")")
        }
        try fault("", "without the trailer")
        try fault("{\"a\":1}\n", "without the trailer")
        try fault(whole.replacing("{\"a\":1}\n", with: ""), "has 1 tasks, and its trailer says 2")
        try fault(whole.replacing("1}", with: "7}"), "checksum")
        try fault(whole.replacing("\n{\"b\"", with: "\n\n{\"b\""), "checksum")
        try fault(whole.replacing("\n", with: "\r\n"), "checksum")
        #expect(throws: Failure.self) { try Self.read(whole + "{}\n", chunkBytes: 64) }
        #expect(throws: Failure.self) { try Self.read(whole + whole, chunkBytes: 64) }
        #expect(throws: Failure.self) {
            try Self.read(whole.replacing("\"version\":1", with: "\"version\":2"), chunkBytes: 64)
        }
        #expect(throws: Failure.self) { try Self.read(whole.replacing("\"sha256\"", with: "\"md5\""), chunkBytes: 64) }
        let bare = try Self.read("{\"a\":1}\n{\"b\":2}", chunkBytes: 64, needsTrailer: false)
        #expect(bare.items.count == 2 && bare.fault == nil)
    }

    @Test func anEndlessLineIsRefused() {
        let line = String(repeating: "x", count: TaskFile.itemBytesMax + 2)
        #expect(throws: Failure.self) { try Self.read(line, chunkBytes: 65_536, needsTrailer: false) }
        #expect(throws: Failure.self) { try Self.read(#"[{"a":""# + line, chunkBytes: 65_536) }
    }

    /// FIPS 180-2, appendix B.1.
    @Test func theChecksumIsSHA256() throws {
        let checksum = Checksum()
        checksum.add("a".utf8)
        checksum.add("bc".utf8)
        #expect(try checksum.text() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test(arguments: [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")])
    func countsAreGrouped(count: Int, text: String) {
        #expect(Progress.grouped(count) == text)
    }
}
