import FoundationEssentials

/// A fresh database of the PostgreSQL that `TEST_DATABASE_URL` names; dropped with the object.
public final class TestDatabase: Sendable {
    public static let isAvailable = ProcessInfo.processInfo.environment["TEST_DATABASE_URL"] != nil

    /// What a master is started with to keep its tasks there.
    public let environment: [String: String]
    private let server: String
    private let name = "podling_\(UInt64.random(in: 0...UInt64.max))"

    public init() throws {
        server = ProcessInfo.processInfo.environment["TEST_DATABASE_URL"] ?? ""
        let query = server.firstIndex(of: "?") ?? server.endIndex
        let end = server[..<query].lastIndex(of: "/") ?? server.endIndex
        environment = ["STORE_TYPE": "postgres", "DATABASE_URL": server[..<end] + "/" + name + server[query...]]
        try run("CREATE DATABASE \(name)")
    }

    deinit { try? run("DROP DATABASE \(name) WITH (FORCE)") }

    /// The first column of what a query gives.
    public func rows(_ sql: String) throws -> [String] {
        let url = environment["DATABASE_URL"] ?? ""
        let program = try ProgramProcess(
            "/usr/bin/psql",
            ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, url]
        )
        guard program.wait(deadline: .after(seconds: 30)) == .exited(0) else { throw TestSupportError(program.output) }
        return program.output.split(separator: "\n").map(String.init)
    }

    private func run(_ sql: String) throws {
        let program = try ProgramProcess("/usr/bin/psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql, server])
        guard program.wait(deadline: .after(seconds: 30)) == .exited(0) else { throw TestSupportError(program.output) }
    }
}
