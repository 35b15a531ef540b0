import PodlingProtocol

/// The filters of `list`.
public struct TaskFilter: Sendable {
    /// One bit for each status wanted.
    public var statuses: UInt8 = .max
    public var node: String?
    public var name: String?
    public var labels: [(key: String, value: String)] = []
    /// The texts in quotes that a spec must have; none where the filter was not made of a request.
    private var wanted: [[UInt8]] = []

    /// Milliseconds since 1970: created then or later, and before then.
    public var since: Int64?
    public var until: Int64?

    public init() {}

    init(_ root: JSONValue) throws(WireError) {
        if let value = root.optional("status") {
            let names = value.isArray ? Array(value.elements) : [value]
            statuses = 0
            for name in names {
                guard let status = TaskStatus(name) else {
                    throw .field("status", "must be of pending, scheduled, running, completed, failed, cancelled")
                }
                statuses |= 1 << status.rawValue
            }
        }
        node = try root.optional("nodeId")?.name("nodeId", NameRules.isNodeName, "is not a node id")
        name = try root.optional("name")?.name("name", NameRules.isTaskName, "is not a task name")
        labels = try root.optional("labels")?.labels("labels") ?? []
        since = try root.optional("since")?.timestamp("since")
        until = try root.optional("until")?.timestamp("until")
        wanted = ([name].compactMap(\.self) + labels.map(\.value)).map { Array("\"\($0)\"".utf8) }
    }

    /// Whether a spec has the texts that are asked for as they are: cheaper than reading it, and mostly enough. One with an
    /// escape in it may have them in another form.
    private func mayMatch(_ spec: [UInt8]) -> Bool {
        wanted.allSatisfy { text in
            spec.withUnsafeBytes { spec in
                text.withUnsafeBytes { text in
                    spec.indices.contains { index in
                        spec[index] == UInt8(ascii: "\\")
                            || (spec[index] == UInt8(ascii: "\"") && spec[index...].starts(with: text))
                    }
                }
            }
        }
    }

    /// Reads a kept spec again: only filters that ask for it pay for it.
    public func matchesSpec(_ spec: [UInt8]) -> Bool {
        guard mayMatch(spec) else { return false }
        var reader = JSONReader()
        let line = [UInt8(ascii: "{")] + spec + [UInt8(ascii: "}")]
        return line.withUnsafeBytes { bytes in
            guard let root = try? reader.parse(bytes).root else { return false }
            if let name, root["name"]?.string() != name { return false }
            let own = root.optional("labels")
            return labels.allSatisfy { label in
                own?.members.contains { $0.name == label.key && $0.value.string() == label.value } ?? false
            }
        }
    }
}
