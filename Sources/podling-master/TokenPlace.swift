import PodlingAccess
import PodlingPostgres

/// The location of the tokens: a file or a database.
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

    /// A version stamp of the content, which does not need to read all of it.
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
