import PodlingAccess
import Testing

@testable import PodlingPostgres

/// Tokens in the database.
@Suite(.serialized, .enabled(if: Database.server != nil, Database.skipMessage), .timeLimit(.minutes(10)))
struct TokenTests {
    private static func record(_ name: String, _ role: Role = .client, _ node: String? = nil) throws -> TokenRecord {
        try TokenRecord(
            name: name,
            role: role,
            node: node,
            digest: Token.digest(of: name),
            createdAt: 1_795_473_067_123
        )
    }

    private static func with(_ database: Database, _ body: (DatabaseTokens) async throws -> Void) async throws {
        let tokens = DatabaseTokens(url: database.url)
        do {
            try await body(tokens)
        } catch {
            await tokens.close()
            throw error
        }
        await tokens.close()
    }

    @Test func theyAreKeptAsTheyAre() async throws {
        let database = try Database()
        try await Self.with(database) { tokens in
            try await tokens.prepare()
            try await tokens.prepare()
            #expect(try await tokens.read() == [])
            let empty = try await tokens.stamp()
            let worker = try Self.record("w1", .worker, "n1")
            try await tokens.add(worker)
            try await tokens.add(Self.record("a"))
            let two = try await tokens.stamp()
            #expect(two != empty)
            #expect(try await tokens.read() == [Self.record("a"), worker])
            await #expect(throws: TokenError.self) { try await tokens.add(Self.record("a")) }
            #expect(try await tokens.stamp() == two)
            try await tokens.revoke("a")
            await #expect(throws: TokenError.self) { try await tokens.revoke("a") }
            #expect(try await tokens.read() == [worker])
            #expect(try await tokens.stamp() != two)
        }
    }

    @Test func aLostConnectionIsMadeAgain() async throws {
        let database = try Database()
        try await Self.with(database) { tokens in
            try await tokens.prepare()
            _ = try await tokens.read()
            let sql =
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            try database.connect().execute(sql)
            await #expect(throws: PGError.self) { try await tokens.read() }
            #expect(try await tokens.read() == [])
        }
    }

    @Test func aRowThatIsNoTokensIsSaid() async throws {
        let database = try Database()
        try await Self.with(database) { tokens in
            try await tokens.prepare()
            try database.connect().execute("INSERT INTO podling_tokens VALUES ('x', 'root', NULL, 'abc', now())")
            let error = await #expect(throws: TokenError.self) { try await tokens.read() }
            #expect(error?.description.contains("x") == true)
        }
    }

    @Test func olderTablesAreRefusedWhereTheyMayNotBeChanged() async throws {
        let database = try Database()
        let tokens = DatabaseTokens(url: database.url, mayMigrate: false)
        await #expect(throws: PGError.self) { try await tokens.prepare() }
        await tokens.close()
    }
}
