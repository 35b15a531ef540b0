import Testing

@testable import PodlingClient

struct DatabaseURLTests {
    private func hosts(_ text: String, _ environment: [String: String] = [:]) throws -> [DatabaseURL.Host] {
        try DatabaseURL(text) { environment[$0] }.hosts
    }

    @Test func hostsAreThoseOfLibpq() throws {
        #expect(try hosts("postgres://me:p@ss@db1/x") == [.init(name: "db1", address: nil, port: 5_432)])
        #expect(
            try hosts("postgresql://db1:1,[::1]:2,db3/x?hostaddr=10.0.0.1") == [
                .init(name: "db1", address: "10.0.0.1", port: 1), .init(name: "::1", address: nil, port: 2),
                .init(name: "db3", address: nil, port: 5_432),
            ]
        )
        #expect(try hosts("postgres:///x?host=db1&port=7") == [.init(name: "db1", address: nil, port: 7)])
        #expect(try hosts("postgres:///x", ["PGHOST": "db2"]) == [.init(name: "db2", address: nil, port: 5_432)])
        #expect(try hosts("postgres://%2Frun%2Fpostgresql/x").first?.name == "/run/postgresql")
        #expect(try hosts("postgres:///x").first?.name == "/", "a Unix socket")
    }

    @Test func theURLGoesBeforeTheEnvironment() throws {
        let environment = ["PGSSLMODE": "require", "PGSSLROOTCERT": "env.pem"]
        let url = try DatabaseURL("postgres://h/x?sslmode=verify-full&sslcert=a%20b") { environment[$0] }
        #expect(url.parameters["sslmode"] == "verify-full")
        #expect(url.parameters["sslrootcert"] == "env.pem")
        #expect(url.parameters["sslcert"] == "a b")
    }

    @Test(arguments: [
        "mysql://hush@h", "postgres://me:hush@h:0/x", "postgres://me:hush@h/x?sslmode", "postgres://me:hush@%zz/x",
    ])
    func whatIsMalformedIsNotShown(text: String) {
        let error = #expect(throws: DatabaseURLError.self) { try DatabaseURL(text) { _ in nil } }
        #expect(error?.description.contains("hush") == false)
    }
}
