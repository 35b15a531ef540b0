import PodlingProtocol

/// Validates ids from a path or a query before they are used.
enum Identifier {
    /// Parses a task's id from a path segment, with `%XX` for what a path cannot hold (RFC 3986, section 2.1).
    static func task(_ segment: String) throws(HTTPProblem) -> String {
        guard let text = percentDecoded(segment), isValid(text, by: NameRules.isTaskID) else {
            throw .badRequest("a task id is 1 to 1020 bytes of UTF-8, with %XX where a path needs it", field: "taskId")
        }
        return text
    }

    static func checkNode(_ text: String) throws(HTTPProblem) {
        guard isValid(text, by: NameRules.isNodeName) else {
            throw .badRequest("a node id is 1 to 63 of A-Z a-z 0-9 - _ .", field: "nodeId")
        }
    }

    /// nil where a `%` is not followed by two digits, or the bytes are not UTF-8.
    private static func percentDecoded(_ segment: String) -> String? {
        guard segment.utf8.contains(UInt8(ascii: "%")) else { return segment }
        var bytes: [UInt8] = []
        var rest = segment.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexadecimal), let low = rest.popFirst().flatMap(hexadecimal) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        UInt8(String(decoding: [byte], as: UTF8.self), radix: 16).flatMap {
            $0 < 16 && byte != UInt8(ascii: "+") ? $0 : nil
        }
    }

    private static func isValid(_ text: String, by rule: (UnsafeRawBufferPointer) -> Bool) -> Bool {
        var text = text
        return text.withUTF8 { rule(UnsafeRawBufferPointer($0)) }
    }
}
