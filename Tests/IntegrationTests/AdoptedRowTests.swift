import TestSupport
import Testing

/// Tasks of another program's database, which break rules.
@Suite(
    .timeLimit(.minutes(10)),
    .enabled(if: PostgresCluster.isAvailable, "PostgreSQL's server programs are not installed")
) struct AdoptedRowTests {
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
        """

    private static func cluster(_ rows: String) throws -> PostgresCluster {
        let cluster = try PostgresCluster()
        try cluster.sql(schema)
        try cluster.sql("INSERT INTO tasks (task_id, name, image, env, status, created_at) VALUES \(rows)")
        return cluster
    }

    private static func start(_ cluster: PostgresCluster) throws -> MasterProcess {
        try MasterProcess(environment: ["STORE_TYPE": "postgres", "DATABASE_URL": cluster.url])
    }

    /// A task without the env that was meant for it is another task: it runs nowhere.
    @Test func whatWouldRunWithoutItsEnvFails() async throws {
        try await onThread {
            let cluster = try Self.cluster(
                """
                ('large', 'a', 'i', jsonb_build_object('A', repeat('x', 100000)), 'pending', '2026-01-01'),
                ('number', 'a', 'i', '{"A": 1e400}', 'pending', '2026-01-01'),
                ('array', 'a', 'i', '["A"]', 'pending', '2026-01-01'),
                ('good', 'a', 'i', '{"A": "b"}', 'pending', '2026-01-01')
                """
            )
            let master = try Self.start(cluster)
            let peer = try Peer(master)
            for (task, rule) in [("large", "env"), ("number", "env"), ("array", "env")] {
                let shown = try peer.request("get", #""taskId":"\#(task)""#)
                #expect(shown["status"]?.text == "failed", "\(task)")
                #expect(shown["error"]?.text?.contains(rule) == true, "\(task): \(shown["error"]?.text ?? "")")
                let isKept = try Deadline.after(seconds: 30).poll { () throws -> Bool? in
                    try cluster.sql("SELECT status FROM tasks WHERE task_id = '\(task)'") == ["failed"] ? true : nil
                }
                #expect(isKept == true, "\(task)")
                let lines = master.process.output.split(separator: "\n").filter { $0.contains("task=\(task) ") }
                #expect(lines.count == 1 && lines[0].contains(rule), "\(lines)")
            }
            #expect(try peer.request("get", #""taskId":"good""#)["status"]?.text == "pending")
            #expect(master.terminate() == .exited(0))
        }
    }

    /// Each task that is taken otherwise than its row says has one line that says so.
    @Test func whatAdoptionChangesIsLogged() async throws {
        try await onThread {
            let cluster = try Self.cluster(
                """
                ('odd', 'a', 'i', '{"A": 1e400}', 'paused', '2026-01-01'),
                ('good', 'a', 'i', NULL, 'completed', '2026-01-01'), ('nowhere', 'a', 'i', NULL, 'running', '2026-01-01')
                """
            )
            let master = try Self.start(cluster)
            let log = master.process.output.split(separator: "\n")
            for (task, remarks) in [("odd", ["paused", "env"]), ("nowhere", ["running", "it waits"])] {
                let lines = log.filter { "\($0) ".contains(" task=\(task) ") }
                #expect(lines.count == 1 && remarks.allSatisfy { lines[0].contains($0) }, "\(lines)")
            }
            #expect(!log.contains { $0.contains("task=good") })
            #expect(master.terminate() == .exited(0))
        }
    }

    /// What was adopted can be taken elsewhere; what cannot is named.
    @Test func anExportOfAdoptedTasksIsImported() async throws {
        try await onThread {
            let cluster = try Self.cluster(
                """
                ('', 'a', 'i', NULL, 'completed', '2026-01-01'), ('no-time', 'a', 'i', NULL, 'failed', '-infinity'),
                ('no-end', 'a', 'i', NULL, 'failed', 'infinity'), ('late', 'a', 'i', NULL, 'failed', '10000-01-01'),
                ('bare', '', '', NULL, 'failed', '2026-01-01'), ('odd', 'a', 'NO SUCH//IMAGE', '[1]', 'paused', '2026-01-01'),
                ('large', 'a', 'i', jsonb_build_object('A', repeat('x', 100000)), 'pending', '2026-01-01'),
                (repeat('é', 255), 'a', repeat('é', 255), '{"A": "b"}', 'failed', '2026-01-01')
                """
            )
            try cluster.sql("UPDATE tasks SET node_id = '', container_id = ''")
            let old = try Self.start(cluster)
            let new = try MasterProcess()
            let file = old.process.directory + "/tasks.ndjson"
            try Self.client(old, ["export", "--output-file", file], .exited(0))
            let refused = try Self.client(new, ["import", file], .exited(1))
            let named = refused.split(separator: "\n").filter { $0.contains(": line ") }
            #expect(named.count == 1 && refused.contains("taskId: "), "\(refused)")
            let taken = try Self.client(new, ["import", "--skip-invalid", file], .exited(0))
            #expect(taken.contains("6 imported") && taken.contains("2 left out"), "\(taken)")
            // Only the master knows its own clock.
            #expect(taken.contains("createdAt: is more than a day ahead"), "\(taken)")
            for task in ["no-time", "no-end"] {
                let created = try Peer(new).request("get", #""taskId":"\#(task)""#)["createdAt"]?.text
                #expect(created == "1970-01-01T00:00:00.000Z", "\(task)")
            }
            let large = try Peer(new).request("get", #""taskId":"large""#)["error"]?.text ?? ""
            #expect(large.ranges(of: "env: ").count == 1, "\(large)")
            for master in [old, new] { #expect(master.terminate() == .exited(0)) }
        }
    }

    @discardableResult
    private static func client(
        _ master: MasterProcess,
        _ arguments: [String],
        _ ending: ProgramProcess.Ending
    ) throws -> String {
        let program = try ProgramProcess(
            ProductsDirectory.program("podling-client"),
            arguments,
            environment: ["PODLING_MASTER": master.address]
        )
        #expect(program.wait(deadline: .after(seconds: 60)) == ending, "\(program.output)")
        return program.output
    }
}
