import FoundationEssentials
import TestSupport

/// The schemas of docs/schema, with the subset of JSON Schema 2020-12 that they use: an unknown keyword is an error.
struct JSONSchema: Sendable {
    static let names = ["spec", "task", "node", "error", "request", "reply", "event"]
    private static let annotations: Set<String> = ["$schema", "$comment", "title", "description", "default", "$defs"]

    /// By file name.
    let documents: [String: WireValue]

    init() throws {
        let files = try Self.names.map { name in
            let path = SourceTree.path("docs/schema/\(name).json")
            return (name + ".json", try WireValue(parsing: Array(Data(contentsOf: URL(filePath: path)))))
        }
        documents = Dictionary(uniqueKeysWithValues: files)
    }

    /// For tests of its own.
    init(_ schema: String) throws { documents = ["test.json": try WireValue(parsing: Array(schema.utf8))] }

    /// The faults of a value, each with its path; empty where there are none.
    ///
    /// - Parameters:
    ///   - reference: such as `event.json#/$defs/assign`.
    ///   - isClosed: whether a member that no schema names is a fault, where it says nothing of that.
    func faults(of value: WireValue, by reference: String, isClosed: Bool = false) throws -> [String] {
        let (document, schema) = try resolve(reference, in: "")
        return try check(value, schema, Place(document: document, path: "", isClosed: isClosed)).faults
    }

    struct Place {
        /// The file that references without a name are of.
        var document: String
        /// The value's human-readable path.
        var path: String
        var isClosed: Bool

        func under(_ name: String) -> Place {
            Place(document: document, path: path.isEmpty ? name : "\(path).\(name)", isClosed: isClosed)
        }

        /// Where a schema is only asked whether it holds, what it does not name is none of its business.
        var open: Place { Place(document: document, path: path, isClosed: false) }
    }

    struct Outcome {
        var faults: [String] = []
        /// The members that were looked at.
        var evaluated: Set<String> = []

        mutating func add(_ other: Outcome) {
            faults += other.faults
            evaluated.formUnion(other.evaluated)
        }
    }

    func resolve(_ reference: String, in document: String) throws -> (document: String, schema: WireValue) {
        let parts = reference.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let name = parts[0].isEmpty ? document : parts[0]
        guard var schema = documents[name] else { throw TestSupportError("no schema \(name)") }
        for step in parts.count > 1 ? parts[1].split(separator: "/").map(String.init) : [] {
            guard let next = schema[step] else { throw TestSupportError("\(reference): no \(step) in \(name)") }
            schema = next
        }
        return (name, schema)
    }

    func check(_ value: WireValue, _ schema: WireValue, _ place: Place) throws -> Outcome {
        if case .bool(let isAllowed) = schema {
            return Outcome(faults: isAllowed ? [] : ["\(place.path): must not be there"])
        }
        var outcome = Outcome()
        for (keyword, rule) in schema.members where !Self.annotations.contains(keyword) {
            outcome.add(try apply(keyword, rule, to: value, schema, place))
        }
        // The only keyword that depends on what all others have looked at.
        let isBounded = schema["additionalProperties"] != nil || schema["unevaluatedProperties"] != nil
        let isWhole = schema["type"] == .string("object") && schema["properties"] != nil && !isBounded
        if schema["unevaluatedProperties"] == .bool(false) || place.isClosed && isWhole {
            for name in value.members.keys.sorted() where !outcome.evaluated.contains(name) {
                outcome.faults.append("\(place.under(name).path): no schema names it")
            }
            outcome.evaluated.formUnion(value.members.keys)
        }
        return outcome
    }
}
