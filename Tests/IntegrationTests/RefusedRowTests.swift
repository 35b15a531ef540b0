import TestSupport
import Testing

/// A database that rejects some rows, by a constraint or a trigger of its administrator's: only those are lost.
@Suite(.enabled(if: TestDatabase.isAvailable, "TEST_DATABASE_URL is not set"), .timeLimit(.minutes(5)))
struct RefusedRowTests {
    private static func with(
        _ sql: String,
        _ flags: [String] = [],
        http: Bool = false,
        _ body: @escaping @Sendable (MasterProcess, TestDatabase) throws -> Void
    ) async throws {
        try await onThread {
            let database = try TestDatabase()
            let master = try MasterProcess(flags, environment: database.environment, http: http)
            _ = try database.rows(sql)
            try body(master, database)
            #expect(master.terminate() == .exited(0))
        }
    }

    private static let noBad = "ALTER TABLE tasks ADD CONSTRAINT no_bad CHECK (name <> 'bad')"

    private static func trigger(_ condition: String, _ statement: String) -> String {
        """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN IF \(condition) THEN \(statement); END IF; RETURN NEW; END $$;
        CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION refuse();
        """
    }

    private static func expectRefusal(_ reply: JSON, _ words: String, isRetryable: Bool = false) {
        let error = reply["err"]
        #expect(error?["code"]?.text == "store_refused", "\(reply)")
        #expect(error?["msg"]?.text?.contains(words) == true, "\(reply)")
        #expect(error?["retryable"] == .bool(isRetryable))
    }

    private static func reply(_ connection: LineConnection, _ line: String) throws -> JSON {
        try connection.send(line: line)
        return try Peer.line(connection, "a reply")
    }

    private static func count(_ database: TestDatabase, _ condition: String = "true") throws -> String {
        try database.rows("SELECT count(*) FROM tasks WHERE \(condition)").first ?? ""
    }

    /// A worker that does nothing by itself.
    private static func worker(_ master: MasterProcess) throws -> LineConnection {
        let worker = try master.connect()
        _ = try Peer.line(worker, "the greeting")
        _ = try reply(worker, #"{"op":"hello","id":1,"proto":1,"role":"worker","node":"n1","instance":"i"}"#)
        let registered = try reply(worker, #"{"op":"register","id":2,"slots":1}"#)
        #expect(registered["ok"] != nil, "\(registered)")
        return worker
    }

    @Test(arguments: [
        (noBad, #"violates check constraint "no_bad" (SQLSTATE 23514)"#),
        (
            "CREATE UNIQUE INDEX one_bad ON tasks ((1)) WHERE name = 'bad'; "
                + "INSERT INTO tasks (task_id, name, image, status, created_at) VALUES ('x', 'bad', 'b', 'completed', now())",
            "(SQLSTATE 23505)"
        ),
        (trigger("NEW.name = 'bad'", "RAISE EXCEPTION 'not today'"), "not today (SQLSTATE P0001)"),
        (trigger("NEW.name = 'bad'", "NEW.attempt := 2147483647 + NEW.rejections + 1"), "(SQLSTATE 22003)"),
        (trigger("NEW.name = 'bad'", "RAISE EXCEPTION 'mine' USING ERRCODE = 'U1234'"), "mine (SQLSTATE U1234)"),
    ]) func theRequestOfANewRowIsRefused(sql: String, words: String) async throws {
        try await Self.with(sql) { master, database in
            let connection = try master.connect()
            _ = try Peer.line(connection, "the greeting")
            let names = (0..<300).map { $0 % 7 == 3 ? "bad" : "good" }
            let lines = names.enumerated().map { #"{"op":"submit","id":\#($0),"name":"\#($1)","image":"b"}"# + "\n" }
            try connection.send(Array(lines.joined().utf8))
            for (id, name) in names.enumerated() {
                let reply = try Peer.line(connection, "reply \(id)")
                #expect(reply["re"] == .number(Double(id)))
                if name == "bad" { Self.expectRefusal(reply, words) } else { #expect(reply["ok"] != nil, "\(reply)") }
            }
            let good = names.filter { $0 == "good" }.count
            #expect(try Self.count(database, "name = 'good'") == "\(good)")
            let listed = try Self.reply(
                connection,
                #"{"op":"list","id":1,"limit":1000,"status":["pending","cancelled"]}"#
            )
            #expect(listed["ok"]?["tasks"]?.elements.count == good)
            let health = try Self.reply(connection, #"{"op":"ping","id":1}"#)["ok"]
            #expect(health?["tasks"]?["cancelled"]?.int ?? 0 == 0, "\(String(describing: health))")
        }
    }

    @Test func aRequestOfSeveralIsRefusedAsAWhole() async throws {
        try await Self.with(Self.noBad) { master, database in
            let connection = try master.connect()
            _ = try Peer.line(connection, "the greeting")
            func many(_ names: [String]) -> String {
                let specs = names.map { #"{"name":"\#($0)","image":"b","idempotencyKey":"k-\#($0)"}"# }
                return #"{"op":"submit_many","id":1,"tasks":[\#(specs.joined(separator: ","))]}"#
            }
            try connection.send(line: many(["a", "b", "bad", "c"]))
            // By a key of the request before, which was not refused when this came.
            try connection.send(line: #"{"op":"submit","id":2,"name":"b","image":"b","idempotencyKey":"k-b"}"#)
            try connection.send(line: #"{"op":"submit","id":3,"name":"other","image":"b"}"#)
            Self.expectRefusal(try Peer.line(connection, "the refusal"), "no_bad")
            let second = try Peer.line(connection, "the second reply")
            let isNew = second["ok"] != nil
            if !isNew { Self.expectRefusal(second, "no_bad") }
            #expect(try Peer.line(connection, "the third reply")["ok"] != nil)
            #expect(try Self.count(database) == (isNew ? "2" : "1"))
            _ = try database.rows("ALTER TABLE tasks DROP CONSTRAINT no_bad")
            #expect(try Self.reply(connection, many(["a", "b", "bad", "c"]))["ok"]?["taskIds"]?.elements.count == 4)
            #expect(try Self.count(database) == "5")
            _ = try database.rows("ALTER TABLE tasks ADD CONSTRAINT no_old CHECK (name <> 'old')")
            let imports = ["new", "old"].map {
                #"{"taskId":"x-\#($0)","name":"\#($0)","image":"b","status":"pending","createdAt":"2026-01-01T00:00:00.000Z"}"#
            }
            let importing = #"{"op":"import","id":4,"tasks":[\#(imports.joined(separator: ","))]}"#
            Self.expectRefusal(try Self.reply(connection, importing), "no_old")
            #expect(try Self.count(database) == "5")
        }
    }

    @Test func overHTTPItIsAConflict() async throws {
        try await Self.with(Self.noBad, http: true) { master, _ in
            let address = try master.process.readyValue("http")
            let answer = try Tool.output(
                "curl",
                [
                    "-sS", "-w", "%{http_code}", "--json", #"{"name":"bad","image":"b"}"#,
                    "http://\(address)/api/v1/tasks",
                ]
            )
            #expect(answer.hasSuffix("409") && answer.contains("store_refused"), "\(answer)")
        }
    }

    /// It was assigned in the turn that created it: the node never hears of it, and its capacity is released.
    @Test func aNodeIsToldOfNoTaskThatIsRefused() async throws {
        try await Self.with(Self.noBad, ["--audit"]) { master, _ in
            let worker = try Self.worker(master)
            let client = try master.connect()
            _ = try Peer.line(client, "the greeting")
            for _ in 0..<20 {
                Self.expectRefusal(
                    try Self.reply(client, #"{"op":"submit","id":1,"name":"bad","image":"b"}"#),
                    "no_bad"
                )
            }
            let task = try Self.reply(client, #"{"op":"submit","id":2,"name":"good","image":"b"}"#)["ok"]?["taskId"]
            let assigned = try Peer.line(worker, "the assignment")
            #expect(assigned["ev"]?.text == "assign" && assigned["taskId"] == task, "\(assigned)")
        }
    }

    @Test func aReportThatIsRefusedIsAskedForAgain() async throws {
        let sql = Self.trigger("NEW.status = 'running'", "RAISE EXCEPTION 'never running'")
        try await Self.with(sql) { master, database in
            let worker = try Self.worker(master)
            let peer = try Peer(master)
            let taskId = try peer.submit(#""name":"a","image":"b""#)
            #expect(try Peer.line(worker, "the assignment")["taskId"]?.text == taskId)
            let report = #"{"op":"status","id":3,"taskId":"\#(taskId)","attempt":1,"status":"running"}"#
            // The same again changes nothing in the master, and is not done either.
            for _ in 0..<2 { Self.expectRefusal(try Self.reply(worker, report), "never running", isRetryable: true) }
            #expect(try peer.task(taskId)["status"]?.text == "running")
            #expect(try Self.count(database, "status = 'scheduled'") == "1")
            #expect(try peer.request("ping")["store"]?["refusedTasks"]?.int == 1)
            _ = try database.rows("DROP TRIGGER refuse ON tasks")
            #expect(try Self.reply(worker, report)["ok"] != nil)
            #expect(try Self.count(database, "status = 'running'") == "1")
            #expect(try peer.request("ping")["store"]?["refusedTasks"] == nil)
        }
    }

    /// An attempt whose number is not durable is assigned to no node.
    @Test func anAssignmentThatIsRefusedIsNotTold() async throws {
        let sql = Self.trigger("NEW.status = 'scheduled'", "RAISE EXCEPTION 'never scheduled'")
        try await Self.with(sql) { master, database in
            let peer = try Peer(master)
            let taskId = try peer.submit(#""name":"a","image":"b""#)
            let worker = try Self.worker(master)
            let task = try peer.awaitStatus(taskId, "failed")
            #expect(task["reason"]?.text == "rejected")
            #expect(task["error"]?.text?.contains("never scheduled") == true, "\(task)")
            #expect(try Self.count(database, "status = 'failed'") == "1")
            #expect(try Self.reply(worker, #"{"op":"heartbeat","id":3}"#)["re"] == .number(3))
        }
    }

    @Test func nodesAndTransitionsAreLeftOut() async throws {
        let sql = """
            ALTER TABLE nodes ADD CONSTRAINT no_node CHECK (node_id <> 'n1');
            ALTER TABLE task_events ADD CONSTRAINT no_event CHECK (to_status <> 'scheduled')
            """
        try await Self.with(sql, ["--audit"]) { master, database in
            let worker = try Self.worker(master)
            let taskId = try Peer(master).submit(#""name":"a","image":"b""#)
            #expect(try Peer.line(worker, "the assignment")["taskId"]?.text == taskId)
            #expect(try Self.count(database, "status = 'scheduled'") == "1")
            #expect(try database.rows("SELECT to_status FROM task_events") == ["pending"])
            #expect(try database.rows("SELECT count(*) FROM nodes") == ["0"])
            #expect(master.process.says("PostgreSQL refuses a row: it is left out"))
        }
    }
}
