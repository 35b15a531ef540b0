import PodlingCore
import PodlingProtocol

/// The statements for nodes. A batch is at most one delete and one upsert; each is idempotent.
enum NodeStatements {
    /// Rows of another program, which none of Podling's workers registered, stay.
    private static let delete = """
        DELETE FROM nodes
        WHERE EXISTS (SELECT FROM lead) AND node_id = ANY ($1::text[]) AND registered_at IS NOT NULL
        """
    private static let columns = """
        node_id, hostname, status, capacity, running_tasks, last_heartbeat, instance, engine, engine_version, draining,
        cpu_millis, memory_bytes, cpu_millis_used, memory_bytes_used, registered_at
        """
    /// Nobody connects to a worker: `port` is 0, or what another program wrote.
    private static let upsert = """
        INSERT INTO nodes (\(columns), labels, port)
        SELECT \(columns), labels::jsonb, 0
        FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::int[], $6::timestamp[], $7::text[], $8::text[],
            $9::text[], $10::bool[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::timestamp[],
            $16::text[])
            AS r (\(columns), labels)
        WHERE EXISTS (SELECT FROM lead)
        ON CONFLICT (node_id) DO UPDATE SET
            hostname = EXCLUDED.hostname, status = EXCLUDED.status, capacity = EXCLUDED.capacity,
            running_tasks = EXCLUDED.running_tasks, last_heartbeat = EXCLUDED.last_heartbeat,
            instance = EXCLUDED.instance, engine = EXCLUDED.engine, engine_version = EXCLUDED.engine_version,
            labels = EXCLUDED.labels, draining = EXCLUDED.draining, cpu_millis = EXCLUDED.cpu_millis,
            memory_bytes = EXCLUDED.memory_bytes, cpu_millis_used = EXCLUDED.cpu_millis_used,
            memory_bytes_used = EXCLUDED.memory_bytes_used, registered_at = EXCLUDED.registered_at
        """

    /// Adds a batch's node changes to its transaction's statement.
    static func add(_ batch: StoreBatch, to statement: inout PGStatement) {
        if !batch.removedNodeIDs.isEmpty {
            statement.add("nodes_deleted", delete) { parameters in
                parameters.appendArray(.text, of: batch.removedNodeIDs) { $0.element($1) }
            }
        }
        if !batch.nodes.isEmpty { statement.add("nodes_written", upsert) { append(batch.nodes, to: &$0) } }
    }

    private static func append(_ nodes: [NodeRow], to parameters: inout PGParameters) {
        parameters.appendArray(.text, of: nodes) { $0.element($1.id) }
        parameters.appendArray(.text, of: nodes) { $0.element($1.hostname ?? "") }
        parameters.appendArray(.text, of: nodes) { $0.element($1.isOnline ? "online" : "offline" as StaticString) }
        parameters.appendArray(.int, of: nodes) { $0.element($1.slots) }
        parameters.appendArray(.int, of: nodes) { $0.element($1.used) }
        // The first schema has no NULL here: one millisecond after 1970 means never.
        parameters.appendArray(.timestamp, of: nodes) { $0.element(time: max($1.lastSeenAt, never)) }
        parameters.appendArray(.text, of: nodes) { $0.element($1.instance) }
        parameters.appendArray(.text, of: nodes) { $0.element($1.engine) }
        parameters.appendArray(.text, of: nodes) { $0.element($1.version) }
        parameters.appendArray(.bool, of: nodes) { $0.element($1.isDraining) }
        parameters.appendArray(.bigint, of: nodes) { $0.element(bigint: $1.cpuMillis) }
        parameters.appendArray(.bigint, of: nodes) { $0.element(bigint: $1.memoryBytes) }
        parameters.appendArray(.bigint, of: nodes) { $0.element(bigint: $1.cpuMillisUsed) }
        parameters.appendArray(.bigint, of: nodes) { $0.element(bigint: $1.memoryBytesUsed) }
        parameters.appendArray(.timestamp, of: nodes) { $0.element(time: $1.registeredAt) }
        parameters.appendArray(.text, of: nodes) { parameters, node in
            guard !node.labels.isEmpty else { return parameters.elementNull() }
            json(node.labels).withUnsafeBytes { parameters.element(bytes: $0) }
        }
    }

    /// The value of `last_heartbeat` for a node that was never seen, in milliseconds since 1970.
    private static let never: Int64 = 1

    /// The columns that `row` reads.
    private static let readColumns = """
        node_id, hostname, status, capacity, running_tasks, \(TaskStatements.milliseconds("last_heartbeat")), instance,
        engine, engine_version, labels, draining, cpu_millis, memory_bytes, cpu_millis_used, memory_bytes_used,
        \(TaskStatements.milliseconds("registered_at"))
        """
    /// Another program may have left many rows; drained nodes, and then those seen last, have precedence.
    static let all = "SELECT \(readColumns) FROM nodes ORDER BY draining DESC, last_heartbeat DESC LIMIT 20000"

    static func page(after cursor: String?, limit: Int) -> (sql: String, parameters: PGParameters) {
        let condition = cursor == nil ? "true" : #"node_id COLLATE "C" > $1"#
        return (
            #"SELECT \#(readColumns) FROM nodes WHERE \#(condition) ORDER BY node_id COLLATE "C" LIMIT \#(limit)"#,
            cursor.map { PGParameters($0) } ?? PGParameters()
        )
    }

    private static func json(_ labels: [String: String]) -> [UInt8] {
        var writer = JSONWriter(capacityBytes: 256)
        writer.object(ofStrings: labels.sorted { $0.key < $1.key })
        return writer.withUnsafeBytes { [UInt8]($0) }
    }

    /// Converts a row; one that another program wrote is a node too, whatever it holds.
    static func row(_ result: PGResult, _ row: Int) -> NodeRow {
        var node = NodeRow(id: result.text(row, 0) ?? "")
        node.hostname = result.text(row, 1).flatMap { $0.isEmpty ? nil : $0 }
        node.isOnline = result.text(row, 2) == "online"
        node.slots = max(result.int(row, 3) ?? 0, 0)
        node.used = max(result.int(row, 4) ?? 0, 0)
        let seen = Int64(result.int(row, 5) ?? 0)
        node.lastSeenAt = seen == never ? 0 : seen
        node.instance = result.text(row, 6) ?? ""
        node.engine = result.text(row, 7)
        node.version = result.text(row, 8)
        node.labels = result.bytes(row, 9).map(labels) ?? [:]
        node.isDraining = result.flag(row, 10)
        node.cpuMillis = result.int(row, 11)
        node.memoryBytes = result.int(row, 12)
        node.cpuMillisUsed = result.int(row, 13) ?? 0
        node.memoryBytesUsed = result.int(row, 14) ?? 0
        node.registeredAt = Int64(result.int(row, 15) ?? 0)
        return node
    }

    private static func labels(_ json: [UInt8]) -> [String: String] {
        var reader = JSONReader()
        return json.withUnsafeBytes { bytes in
            guard let root = try? reader.parse(bytes).root, root.isObject else { return [:] }
            var labels: [String: String] = [:]
            for member in root.members { labels[member.name] = member.value.string() }
            return labels
        }
    }
}
