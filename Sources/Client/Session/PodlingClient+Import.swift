import PodlingProtocol

/// The outcome of an import.
public struct ImportResult: Sendable {
    /// A task that exists with other content; it was left as it is.
    public struct Conflict: Sendable {
        /// Index into the tasks, from 0.
        public let index: Int
        /// The id that both tasks have.
        public let taskId: String
        /// A human-readable message: the member that differs, and how.
        public let message: String
    }

    /// Count of tasks that are new.
    public let imported: Int
    /// Count of tasks that existed already, as they are in the import or further along.
    public let existing: Int
    /// The tasks that were not imported, by index.
    public let conflicts: [Conflict]
}

extension PodlingClient {
    /// Imports tasks of another store as they are. Idempotent: what exists already is only counted (proto-spec
    /// section 6.21).
    ///
    /// - Parameter tasks: task objects (proto-spec section 5.2), at most 1,000 and 1 MiB together.
    /// - Throws: `PodlingError`: `bad_request` (nothing was imported), `overloaded`, `unavailable`; `ClientError`,
    ///   `CancellationError`.
    public func importTasks(_ tasks: [[UInt8]]) async throws -> ImportResult {
        var object = ObjectWriter()
        object.jsonArray("tasks", tasks)
        let reply = try await request("import", object.finish())
        return try JSONReader.read(reply.ok) { root in
            guard let imported = root["imported"]?.int(), let existing = root["existing"]?.int() else {
                throw ClientError.badReply("no counts of an import")
            }
            let conflicts = try root["conflicts"]?.elements.map { conflict in
                guard let index = conflict["index"]?.int(), tasks.indices.contains(index) else {
                    throw ClientError.badReply("a conflict without its index")
                }
                return ImportResult.Conflict(
                    index: index,
                    taskId: try conflict.required("taskId"),
                    message: conflict["msg"]?.string() ?? ""
                )
            }
            return ImportResult(imported: imported, existing: existing, conflicts: conflicts ?? [])
        }
    }
}
