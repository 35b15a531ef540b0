/// A conversation with the master (proto-spec.md, section 14), as a file of lines tells it.
struct Transcript: Sendable {
    enum Action: Sendable, Equatable {
        /// A line, its wildcards not yet filled in.
        case send(String)
        /// Bytes as they are, with no line feed added.
        case sendBytes([UInt8])
        /// The peer ends its sending side.
        case closeSending
        /// The peer is gone.
        case drop
        /// A line that must come.
        case expect(String)
        /// The end of the stream must come.
        case expectClosed
    }

    struct Step: Sendable, Equatable {
        /// What stands between `C` or `S` and the colon: empty where there is one connection.
        let connection: String
        let action: Action
        let lineNumber: Int
    }

    let steps: [Step]
    /// What a line `# master: ...` asks to be given to `podling-master`.
    let masterArguments: [String]

    init(_ text: String) throws {
        var steps: [Step] = []
        var masterArguments: [String] = []
        let prefix = "# master: "
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.hasPrefix(prefix) {
                masterArguments += line.dropFirst(prefix.count).split(separator: " ").map(String.init)
            } else if !line.hasPrefix("#"), !line.allSatisfy(\.isWhitespace) {
                steps.append(try Self.step(line, index + 1))
            }
        }
        self.steps = steps
        self.masterArguments = masterArguments
    }

    private static func step(_ line: Substring, _ number: Int) throws -> Step {
        guard let colon = line.firstIndex(of: ":"), let side = line.first, side == "C" || side == "S" else {
            throw TranscriptFailure(number, "neither `C:` nor `S:` nor `#`")
        }
        let connection = line[line.index(after: line.startIndex)..<colon]
        guard connection.allSatisfy(\.isWholeNumber) else { throw TranscriptFailure(number, "no such connection") }
        let rest = line[line.index(after: colon)...].drop { $0 == " " }
        let action = side == "C" ? try peer(rest, number) : try master(rest, number)
        return Step(connection: String(connection), action: action, lineNumber: number)
    }

    private static func peer(_ text: Substring, _ number: Int) throws -> Action {
        guard text.first == "!" else { return .send(String(text)) }
        let words = text.split(separator: " ", maxSplits: 1)
        let rest = words.count > 1 ? words[1] : ""
        switch words[0] {
        case "!close": return .closeSending
        case "!drop": return .drop
        case "!part": return .sendBytes(Array(rest.utf8))
        case "!hex":
            let digits = rest.split(separator: " ").joined()
            let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap { offset -> UInt8? in
                let start = digits.index(digits.startIndex, offsetBy: offset)
                return UInt8(digits[start..<digits.index(start, offsetBy: 2)], radix: 16)
            }
            guard bytes.count * 2 == digits.count, !bytes.isEmpty else { throw TranscriptFailure(number, "not hex") }
            return .sendBytes(bytes)
        default: throw TranscriptFailure(number, "no such directive: \(words[0])")
        }
    }

    private static func master(_ text: Substring, _ number: Int) throws -> Action {
        if text == "!closed" { return .expectClosed }
        guard text.first == "{" else { throw TranscriptFailure(number, "the master only sends objects") }
        return .expect(String(text))
    }
}

/// Where a transcript and the master part.
struct TranscriptFailure: Error, CustomStringConvertible {
    let description: String

    init(_ lineNumber: Int, _ text: String) {
        description = "line \(lineNumber): \(text)"
    }
}
