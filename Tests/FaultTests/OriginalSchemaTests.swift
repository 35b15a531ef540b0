import TestSupport
import Testing

extension Faults {
    /// A database that the storage document's program made, with rows in every status.
    struct OriginalSchemaTests {
        private static let schema = """
            CREATE TABLE tasks (
                task_id VARCHAR(255) PRIMARY KEY, name VARCHAR(255) NOT NULL, image VARCHAR(255) NOT NULL, env JSONB,
                status VARCHAR(50) NOT NULL, node_id VARCHAR(255), container_id VARCHAR(255),
                created_at TIMESTAMP NOT NULL, started_at TIMESTAMP, finished_at TIMESTAMP, error TEXT
            );
            CREATE TABLE nodes (
                node_id VARCHAR(255) PRIMARY KEY, hostname VARCHAR(255) NOT NULL, port INTEGER NOT NULL,
                status VARCHAR(50) NOT NULL, capacity INTEGER NOT NULL, running_tasks INTEGER NOT NULL DEFAULT 0,
                last_heartbeat TIMESTAMP NOT NULL
            );
            CREATE INDEX idx_tasks_status ON tasks (status);
            CREATE INDEX idx_tasks_node_id ON tasks (node_id);
            CREATE INDEX idx_nodes_status ON nodes (status);
            CREATE INDEX idx_nodes_last_heartbeat ON nodes (last_heartbeat);
            INSERT INTO nodes VALUES ('old-1', 'host', 8080, 'online', 4, 2, timezone('UTC', now()));
            """
        private static let statuses = ["pending", "scheduled", "running", "completed", "failed", "cancelled"]

        @Test func aMasterTakesItUpWithNothingLost() async throws {
            try await onThread {
                let cluster = try PostgresCluster()
                try cluster.sql(Self.schema)
                for status in Self.statuses {
                    try cluster.sql(
                        """
                        INSERT INTO tasks (task_id, name, image, status, node_id, created_at)
                        SELECT '\(status)-' || i, 'a-\(status)-' || i, 'busybox', '\(status)',
                            CASE WHEN '\(status)' <> 'pending' THEN 'old-1' END, timezone('UTC', now())
                        FROM generate_series(1, 50) AS i
                        """
                    )
                }
                let master = try ServedMaster(url: cluster.url)
                for _ in 1...2 {
                    let listed = try Masters([master.address]).list()
                    #expect(listed.count == 50 * Self.statuses.count)
                    #expect(listed.allSatisfy { $0.task.hasPrefix($0.status) && $0.name == "a-\($0.task)" })
                    #expect(try Set(Faults.rows(cluster).map(\.task)) == Set(listed.map(\.task)))
                    // What was taken up outlives the master that took it.
                    try master.kill()
                }
                master.end()
            }
        }
    }
}
