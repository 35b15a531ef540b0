import PodlingProtocol

/// Holds what `"<id:NAME>"` stood for, and compares what must come with what came.
struct TranscriptMatcher: ~Copyable {
    private static let anyText: StaticString = "<any>"
    private static let noneText: StaticString = "<none>"
    /// Raw JSON, quotes included, by name.
    private var values: [String: String] = [:]
    private var wantedReader = JSONReader()
    private var foundReader = JSONReader()

    init() {}

    /// Fills in what is known: `"<id:NAME>"` becomes the value, quotes and all, and `<pad:COUNT>` that many `x`.
    func fill(_ line: String) throws -> String {
        var filled = ""
        let padded = Self.pad(line)
        var rest = padded[...]
        while let open = rest.firstRange(of: "\"<id:"), let close = rest[open.upperBound...].firstRange(of: ">\"") {
            let name = String(rest[open.upperBound..<close.lowerBound])
            guard let value = values[name] else { throw MatchFailure("<id:\(name)> has no value yet") }
            filled += rest[..<open.lowerBound] + value
            rest = rest[close.upperBound...]
        }
        return filled + rest
    }

    private static func pad(_ line: String) -> String {
        var filled = ""
        var rest = line[...]
        while let open = rest.firstRange(of: "<pad:"), let close = rest[open.upperBound...].firstIndex(of: ">") {
            filled += rest[..<open.lowerBound]
            filled += String(repeating: "x", count: Int(rest[open.upperBound..<close]) ?? 0)
            rest = rest[rest.index(after: close)...]
        }
        return filled + rest
    }

    /// Throws unless each member that `wanted` shows is in `found` with that value.
    mutating func match(wanted: String, found: [UInt8]) throws {
        let wanted = Self.pad(wanted)
        var bound: [(String, String)] = []
        try Array(wanted.utf8).withUnsafeBytes { wantedBytes in
            let wantedRoot = try wantedReader.parse(wantedBytes).root
            try found.withUnsafeBytes { foundBytes in
                let foundRoot = try foundReader.parse(foundBytes).root
                try Self.compare(wantedRoot, foundRoot, "", values, &bound)
            }
        }
        for (name, value) in bound { values[name] = value }
    }

    private static func compare(
        _ wanted: JSONValue,
        _ found: JSONValue,
        _ path: String,
        _ values: [String: String],
        _ bound: inout [(String, String)]
    ) throws {
        if wanted.stringEquals(anyText) { return }
        if let name = wildcardName(wanted) {
            let raw = String(decoding: found.raw, as: UTF8.self)
            let known = values[name] ?? bound.first { $0.0 == name }?.1
            guard known == nil || known == raw else {
                throw MatchFailure("\(path): <id:\(name)> was \(known ?? "") and is \(raw)")
            }
            bound.append((name, raw))
        } else if wanted.isObject, found.isObject {
            for member in wanted.members {
                try compare(member, found, path.isEmpty ? member.name : "\(path).\(member.name)", values, &bound)
            }
        } else if wanted.isArray, found.isArray {
            guard wanted.count == found.count else {
                throw MatchFailure("\(path): \(wanted.count) elements wanted, \(found.count) came")
            }
            for (index, pair) in zip(wanted.elements, found.elements).enumerated() {
                try compare(pair.0, pair.1, "\(path)[\(index)]", values, &bound)
            }
        } else if !isEqual(wanted, found) {
            let texts = [wanted, found].map { String(decoding: $0.raw, as: UTF8.self) }
            throw MatchFailure("\(path): wanted \(texts[0]), came \(texts[1])")
        }
    }

    private static func compare(
        _ wanted: JSONMember,
        _ found: JSONValue,
        _ path: String,
        _ values: [String: String],
        _ bound: inout [(String, String)]
    ) throws {
        let value = found.members.first { $0.name == wanted.name }?.value
        if wanted.value.stringEquals(noneText) {
            guard value == nil else { throw MatchFailure("\(path): must not be there") }
            return
        }
        guard let value else { throw MatchFailure("\(path): is not there") }
        try compare(wanted.value, value, path, values, &bound)
    }

    private static func wildcardName(_ value: JSONValue) -> String? {
        guard let text = value.string(), text.hasPrefix("<id:"), text.hasSuffix(">") else { return nil }
        return String(text.dropFirst(4).dropLast())
    }

    private static func isEqual(_ wanted: JSONValue, _ found: JSONValue) -> Bool {
        if wanted.isString || found.isString { return wanted.string() == found.string() }
        if wanted.isNumber, found.isNumber { return wanted.double() == found.double() }
        return wanted.kind == found.kind && !wanted.isObject && !wanted.isArray
    }
}

/// What differs, by the path of the member.
struct MatchFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
