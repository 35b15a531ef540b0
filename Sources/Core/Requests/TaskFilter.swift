import PodlingProtocol

/// The filters of `list`.
package struct TaskFilter: Sendable {
    /// One bit for each requested status.
    package var statuses: UInt8 = .max
    package var node: String?
    package var name: String?
    package var labels: [(key: String, value: String)] = []
    /// The quoted texts that a spec must contain; empty if the filter was not made from a request.
    private var wanted: [[UInt8]] = []

    /// Milliseconds since 1970: created at or after `since`, and before `until`.
    package var since: Int64?
    package var until: Int64?

    package init() {}

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

    /// Whether a spec contains the requested texts verbatim: cheaper than parsing it, and mostly enough to rule it out. A
    /// spec with an escape may have them in another form.
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

    /// Parses a kept spec; only filters by name or label pay for it.
    package func matchesSpec(_ spec: [UInt8]) -> Bool {
        guard mayMatch(spec) else { return false }
        var reader = JSONReader()
        return reader.readObject(ofMembers: spec) { root in
            if let name, root["name"]?.string() != name { return false }
            let own = root.optional("labels")
            return labels.allSatisfy { label in
                own?.members.contains { $0.name == label.key && $0.value.string() == label.value } ?? false
            }
        } ?? false
    }
}
