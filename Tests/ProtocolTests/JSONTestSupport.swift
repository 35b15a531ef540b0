import PodlingProtocol

/// A value kept apart from the line it came from. Strings are bytes: Swift's equality is canonical, JSON's is not.
indirect enum JSONTree: Equatable {
    case object([[UInt8]: JSONTree])
    case array([JSONTree])
    case string([UInt8])
    case number(Double)
    case bool(Bool)
    case null

    init(_ value: JSONValue) {
        switch value.kind {
        case .object:
            let members = value.members.map { ($0.key.withUTF8(Array.init), JSONTree($0.value)) }
            self = .object(Dictionary(members) { first, _ in first })
        case .array: self = .array(value.elements.map(JSONTree.init))
        case .string, .key: self = .string(value.withUTF8(Array.init))
        case .integer, .real: self = .number(value.double() ?? .nan)
        case .true: self = .bool(true)
        case .false: self = .bool(false)
        case .null: self = .null
        }
    }
}

/// Reads `bytes` with a fresh reader and passes the root to `body`.
func reading<R>(_ bytes: [UInt8], _ body: (JSONValue) throws -> R) throws -> R {
    var reader = JSONReader()
    return try bytes.withUnsafeBytes { line in
        try body(reader.parse(line).root)
    }
}

func reading<R>(_ text: String, _ body: (JSONValue) throws -> R) throws -> R {
    try reading(Array(text.utf8), body)
}

/// Why the reader rejects `bytes`; nil where it accepts them.
func refusal(_ bytes: [UInt8]) -> JSONError? {
    var reader = JSONReader()
    return bytes.withUnsafeBytes { line in
        do throws(JSONError) {
            _ = try reader.parse(line)
            return nil
        } catch {
            return error
        }
    }
}

func refusal(_ text: String) -> JSONError? { refusal(Array(text.utf8)) }

/// What `body` writes, as text.
func written(_ body: (inout JSONWriter) -> Void) -> String {
    var writer = JSONWriter(capacityBytes: 1)
    body(&writer)
    return writer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
}
