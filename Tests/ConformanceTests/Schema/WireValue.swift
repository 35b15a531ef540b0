import PodlingProtocol

/// A JSON value that outlives its line. Integers are distinguished from other numbers by their notation, as in the
/// protocol.
enum WireValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case integer(Int)
    case real(Double)
    case string(String)
    case array([WireValue])
    case object([String: WireValue])

    /// - Throws: `JSONError` for what is no object of I-JSON.
    init(parsing bytes: [UInt8]) throws {
        var reader = JSONReader()
        self = try bytes.withUnsafeBytes { Self(try reader.parse($0).root) }
    }

    private init(_ value: JSONValue) {
        switch value.kind {
        case .null: self = .null
        case .true: self = .bool(true)
        case .false: self = .bool(false)
        case .integer: self = .integer(value.int() ?? 0)
        case .real: self = .real(value.double() ?? 0)
        case .string, .key: self = .string(value.string() ?? "")
        case .array: self = .array(value.elements.map(Self.init))
        case .object:
            self = .object(Dictionary(uniqueKeysWithValues: value.members.map { ($0.name, Self($0.value)) }))
        }
    }

    subscript(_ member: String) -> WireValue? { members[member] }

    /// Of an object; of anything else, none.
    var members: [String: WireValue] {
        if case .object(let members) = self { members } else { [:] }
    }

    /// Of an array; of anything else, none.
    var elements: [WireValue] {
        if case .array(let elements) = self { elements } else { [] }
    }

    var text: String? {
        if case .string(let text) = self { text } else { nil }
    }

    var integer: Int? {
        if case .integer(let value) = self { value } else { nil }
    }

    var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .real(let value): value
        default: nil
        }
    }

    /// A member that is null is as one that is not there, but in an object of strings (proto-spec.md, section 4).
    var withoutNulls: WireValue {
        switch self {
        case .object(let members):
            let stringly: Set<String> = ["env", "labels", "nodeSelector"]
            let present = members.filter { $0.value != .null }
            return .object(
                Dictionary(uniqueKeysWithValues: present.map { ($0, stringly.contains($0) ? $1 : $1.withoutNulls) })
            )
        case .array(let elements): return .array(elements.map(\.withoutNulls))
        default: return self
        }
    }
}
