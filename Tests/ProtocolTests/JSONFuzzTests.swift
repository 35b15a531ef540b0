import FoundationEssentials
import PodlingProtocol
import TestSupport
import Testing

/// Foundation's result, in the same shape as `JSONTree`.
private struct FoundationTree: Decodable {
    let tree: JSONTree

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        if let object = try? decoder.container(keyedBy: Key.self) {
            let members = try object.allKeys.map { key in
                (Array(key.stringValue.utf8), try object.decode(FoundationTree.self, forKey: key).tree)
            }
            tree = .object(Dictionary(members) { first, _ in first })
        } else if var array = try? decoder.unkeyedContainer() {
            var elements: [JSONTree] = []
            while !array.isAtEnd { elements.append(try array.decode(FoundationTree.self).tree) }
            tree = .array(elements)
        } else {
            let single = try decoder.singleValueContainer()
            if single.decodeNil() {
                tree = .null
            } else if let bool = try? single.decode(Bool.self) {
                tree = .bool(bool)
            } else if let number = try? single.decode(Double.self) {
                tree = .number(number)
            } else {
                tree = .string(Array(try single.decode(String.self).utf8))
            }
        }
    }
}

@Suite struct JSONFuzzTests {
    /// For each of the two tests; a longer hunt sets PODLING_FUZZ_SECONDS and PODLING_FUZZ_SEED.
    private static let budget = Duration.seconds(number("PODLING_FUZZ_SECONDS") ?? 1)
    private static let seed = number("PODLING_FUZZ_SEED") ?? 0x706F_646C

    private static func number(_ variable: String) -> UInt64? {
        ProcessInfo.processInfo.environment[variable].flatMap { UInt64($0) }
    }

    private static let tokens = [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\uD83D\\uDE00", "\\n", "true", "false", "null", "-", "0",
        "1",
        "9007199254740991", ".5", "e", "E+3", "1e308", "\u{E9}", "\u{1F600}", " ", "\t", "\"a\":", "\"b\"", "[[]]",
        "{}",
    ].map { Array($0.utf8) }

    private static func value(_ depth: Int, _ generator: inout SplitMix64) -> String {
        switch Int.random(in: 0..<(depth > 3 ? 6 : 9), using: &generator) {
        case 0: return ["true", "false", "null"].randomElement(using: &generator) ?? "null"
        case 1: return String(Int.random(in: -9_007_199_254_740_991...9_007_199_254_740_991, using: &generator))
        case 2: return String(Int.random(in: -20...20, using: &generator))
        case 3: return String(Double.random(in: -1e6...1e6, using: &generator))
        case 4, 5: return text(&generator)
        case 6: return "[" + list(depth, &generator) { value(depth + 1, &$0) } + "]"
        default: return object(depth, &generator)
        }
    }

    private static func text(_ generator: inout SplitMix64) -> String {
        let pieces = [
            "a", "taskId", "longer than eight", "\\n", "\\u00e9", "\u{E9}", "\u{1F600}", "\\\\", "", "\\uD83D\\uDE00",
        ]
        return "\""
            + (0..<Int.random(in: 0...3, using: &generator)).map { _ in
                pieces.randomElement(using: &generator) ?? ""
            }.joined() + "\""
    }

    private static func object(_ depth: Int, _ generator: inout SplitMix64) -> String {
        var index = 0
        let members = list(depth, &generator) { generator in
            index += 1
            return String(text(&generator).dropLast()) + "\(index)\":" + value(depth + 1, &generator)
        }
        return "{" + members + "}"
    }

    private static func list(
        _ depth: Int,
        _ generator: inout SplitMix64,
        _ item: (inout SplitMix64) -> String
    ) -> String {
        let count = Int.random(in: 0...(depth == 0 ? 20 : 4), using: &generator)
        let separator = Bool.random(using: &generator) ? "," : " , "
        return (0..<count).map { _ in item(&generator) }.joined(separator: separator)
    }

    private static func mutate(_ bytes: inout [UInt8], _ generator: inout SplitMix64) {
        let at = Int.random(in: 0...bytes.count, using: &generator)
        switch Int.random(in: 0..<5, using: &generator) {
        case 0 where at < bytes.count: bytes[at] = UInt8.random(in: 0...255, using: &generator)
        case 1 where at < bytes.count: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 2 where at < bytes.count:
            bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...4, using: &generator)))
        case 3: bytes.removeSubrange(at...)
        default: bytes.insert(contentsOf: tokens.randomElement(using: &generator) ?? [], at: at)
        }
    }

    /// What this reader accepts, Foundation accepts and reads the same. (The reverse does not hold: it is laxer.)
    @Test func foundationAgrees() throws {
        var generator = SplitMix64(seed: Self.seed)
        let clock = ContinuousClock()
        let deadline = clock.now + Self.budget
        var accepted = 0
        var reader = JSONReader()
        // However slow the machine, enough are compared.
        while accepted <= 100 || clock.now < deadline {
            var bytes = Array(Self.object(0, &generator).utf8)
            for _ in 0..<Int.random(in: 0...2, using: &generator) { Self.mutate(&bytes, &generator) }
            let ours = bytes.withUnsafeBytes { line in (try? reader.parse(line)).map { JSONTree($0.root) } }
            guard let ours else { continue }
            accepted += 1
            let line = String(decoding: bytes, as: UTF8.self)
            do {
                let theirs = try JSONDecoder().decode(FoundationTree.self, from: Data(bytes)).tree
                if ours != theirs { Issue.record("read otherwise: \(line)") }
            } catch {
                Issue.record("accepted by us only: \(line): \(error)")
            }
        }
    }

    /// Hostile bytes give an error or a document that can be walked; never a trap.
    @Test func mutationsNeverTrap() {
        var generator = SplitMix64(seed: ~Self.seed)
        let clock = ContinuousClock()
        let deadline = clock.now + Self.budget
        var reader = JSONReader()
        var refused = 0
        while clock.now < deadline {
            var bytes = Array(Self.object(0, &generator).utf8)
            for _ in 0..<8 {
                Self.mutate(&bytes, &generator)
                bytes.withUnsafeBytes { line in
                    do throws(JSONError) {
                        _ = JSONTree(try reader.parse(line).root)
                    } catch {
                        refused += 1
                        #expect(error.offset >= 0 && error.offset <= line.count && !error.description.isEmpty)
                    }
                }
            }
        }
        #expect(refused > 100)
    }
}
