import PodlingProtocol

/// The members of `submit_many` (proto-spec.md, section 6.3).
struct SubmitManyRequest {
    private(set) var tasks: [TaskSummary] = []

    /// - Throws: also if two specs have one idempotency key, and differ.
    init(_ root: JSONValue) throws(WireError) {
        let specs = try root.required("tasks")
        guard specs.isArray, (1...Limits.submitManyTasksMax).contains(specs.count) else {
            throw .field("tasks", "must be an array of 1 to \(Limits.submitManyTasksMax) task specs")
        }
        tasks.reserveCapacity(specs.count)
        var specsByKey: [String: [UInt8]] = [:]
        for spec in specs.elements {
            let path = "tasks[\(tasks.count)]"
            guard spec.isObject else { throw .field(path, "must be a task spec") }
            do throws(WireError) {
                let task = try TaskSummary(spec, isEnvelope: false)
                if let key = task.idempotencyKey {
                    if let other = specsByKey[key], !SpecBytes.haveSameContent(other, task.bytes) {
                        throw WireError.keyConflict
                    }
                    specsByKey[key] = task.bytes
                }
                tasks.append(task)
            } catch {
                throw error.under(path)
            }
        }
    }
}

extension WireError {
    static var keyConflict: WireError {
        let message = "idempotencyKey: was used with another spec; a new task needs a new key"
        return WireError(.conflict, message, field: "idempotencyKey")
    }
}
