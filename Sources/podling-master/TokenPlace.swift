import PodlingAccess
import PodlingPostgres

/// Where tokens are kept.
enum TokenPlace {
    case file(TokensOnDisk)
    case database(DatabaseTokens)

    /// - Throws: `TokenError`; `PGError` where they are in a database.
    func read() async throws -> [TokenRecord] {
        switch self {
        case .file(let file): try file.read()
        case .database(let database): try await database.read()
        }
    }

    func add(_ record: TokenRecord) async throws {
        switch self {
        case .file(let file): try file.add(record)
        case .database(let database): try await database.add(record)
        }
    }

    func revoke(_ name: String) async throws {
        switch self {
        case .file(let file): try file.revoke(name)
        case .database(let database): try await database.revoke(name)
        }
    }

    /// Tells two contents apart without reading all of it.
    func stamp() async throws -> String {
        switch self {
        case .file(let file): file.stamp() ?? ""
        case .database(let database): try await database.stamp()
        }
    }

    func close() async {
        if case .database(let database) = self { await database.close() }
    }
}
