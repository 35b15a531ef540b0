import FoundationEssentials
import PodlingStore
import Testing

@testable import PodlingPostgres

/// A fresh database of the PostgreSQL that `TEST_DATABASE_URL` names; dropped with the object. Its calls block.
final class Database: Sendable {
    static let server = ProcessInfo.processInfo.environment["TEST_DATABASE_URL"]
    static let skipMessage: Comment = "TEST_DATABASE_URL is not set"

    let url: String
    private let name: String

    init() throws {
        name = "podling_\(UInt64.random(in: 0...UInt64.max))"
        let server = try #require(Self.server)
        try PGConnection(server).executeScript("CREATE DATABASE \(name)")
        let query = server.firstIndex(of: "?") ?? server.endIndex
        let path = try #require(server[..<query].lastIndex(of: "/"))
        url = server[..<path] + "/" + name + server[query...]
    }

    deinit {
        guard let server = Self.server, let connection = try? PGConnection(server) else { return }
        try? connection.executeScript("DROP DATABASE IF EXISTS \(name) WITH (FORCE)")
    }

    func connect() throws -> PGConnection { try PGConnection(url) }
}

extension PostgresStore {
    /// Returns once the store leads.
    func isLeading() async { for await news in leadership where news == .leading { return } }
}
