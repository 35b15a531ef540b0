import Glibc
import NIOConcurrencyHelpers
import NIOPosix
import PodlingAccess

/// The tokens in the table `podling_tokens`, accessed on a connection and a thread of their own.
package final class DatabaseTokens: Sendable {
    private static let statementMilliseconds = 10_000
    private static let pollMilliseconds = 200

    private let url: String
    private let mayMigrate: Bool
    private let pool = NIOThreadPool(numberOfThreads: 1)
    /// Used by the pool's one thread only.
    private let idle = NIOLockedValueBox<PGConnectionBox?>(nil)

    /// - Parameter mayMigrate: whether older tables are migrated; else they are rejected.
    package init(url: String, mayMigrate: Bool = true) {
        self.url = url
        self.mayMigrate = mayMigrate
        pool.start()
    }

    package func close() async {
        try? await pool.shutdownGracefully()
        idle.withLockedValue { $0 = nil }
    }

    /// Ensures that the table exists.
    ///
    /// - Throws: `PGError`.
    package func prepare() async throws {
        let (url, mayMigrate) = (url, mayMigrate)
        try await pool.runIfActive {
            let migration = try Migration(url: url)
            guard mayMigrate else { return try migration.require() }
            try migration.run {
                var time = timespec(tv_sec: 0, tv_nsec: Self.pollMilliseconds * 1_000_000)
                nanosleep(&time, nil)
            }
        }
    }

    /// A version stamp of the table's content, which does not need to read all of it.
    ///
    /// - Throws: `PGError`.
    package func stamp() async throws -> String {
        try await use { connection throws(PGError) in
            let sql = """
                SELECT count(*) || coalesce(md5(string_agg(concat_ws(' ', name, role, node_id, sha256), ',' ORDER BY name)), '')
                FROM podling_tokens
                """
            return try connection.execute(sql).text(0, 0) ?? ""
        }
    }

    /// - Throws: `PGError`, and `TokenError` where a row is not a token.
    package func read() async throws -> [TokenRecord] {
        try await use { connection in
            let result = try connection.execute(
                """
                SELECT name, role, node_id, sha256, (extract(epoch FROM created_at) * 1000)::bigint FROM podling_tokens
                ORDER BY name LIMIT \(TokenTable.tokensMax + 1)
                """
            )
            return try (0..<result.rowCount).map { row in
                let name = result.text(row, 0) ?? ""
                guard let role = Role(rawValue: result.text(row, 1) ?? ""),
                    let digest = TokenDigest(hex: result.text(row, 3) ?? "")
                else { throw TokenError("the table podling_tokens: the row of \(name) is no token's") }
                do {
                    return try TokenRecord(
                        name: name,
                        role: role,
                        node: result.text(row, 2),
                        digest: digest,
                        createdAt: Int64(result.int(row, 4) ?? 0)
                    )
                } catch {
                    throw TokenError("the table podling_tokens: the row of \(name): \(error)")
                }
            }
        }
    }

    /// - Throws: `PGError`, and `TokenError` where the name is taken.
    package func add(_ record: TokenRecord) async throws {
        try await use { connection in
            do throws(PGError) {
                try connection.execute(
                    """
                    INSERT INTO podling_tokens (name, role, node_id, sha256, created_at)
                    VALUES ($1, $2, $3, $4, timestamp '1970-01-01' + $5::bigint * interval '1 millisecond')
                    RETURNING \(LeadFence.synchronousCommit)
                    """,
                    PGParameters(
                        record.name,
                        record.role.rawValue,
                        record.node,
                        record.digest.hex,
                        String(record.createdAt)
                    )
                )
            } catch {
                guard error.isUniqueViolation else { throw error }
                throw TokenError("there is a token \(record.name); choose another --name, or revoke that one")
            }
        }
    }

    /// - Throws: `PGError`, and `TokenError` where there is none of that name.
    package func revoke(_ name: String) async throws {
        try await use { connection in
            let sql = "DELETE FROM podling_tokens WHERE name = $1 RETURNING \(LeadFence.synchronousCommit)"
            guard try connection.execute(sql, PGParameters(name)).rowCount == 1 else {
                throw TokenError("there is no token \(name)")
            }
        }
    }

    /// Runs `body` with the connection; one that was lost is remade at the next call.
    private func use<R: Sendable>(_ body: @escaping @Sendable (PGConnection) throws -> R) async throws -> R {
        let (url, idle) = (url, idle)
        return try await pool.runIfActive {
            let kept = idle.withLockedValue { box in
                defer { box = nil }
                return box
            }
            let connection =
                try kept?.connection ?? PGConnection(url, statementMilliseconds: Self.statementMilliseconds)
            do {
                let value = try body(connection)
                idle.withLockedValue { $0 = kept ?? PGConnectionBox(connection) }
                return value
            } catch {
                let isLost = (error as? PGError)?.isConnectionLost == true
                if !isLost { idle.withLockedValue { $0 = kept ?? PGConnectionBox(connection) } }
                throw error
            }
        }
    }
}
