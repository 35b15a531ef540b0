import FoundationEssentials
import TestSupport
import Testing

/// The master's message and exit code where its database cannot be used.
@Suite(
    .serialized,
    .timeLimit(.minutes(10)),
    .enabled(if: PostgresCluster.isAvailable, "PostgreSQL's server programs are not installed")
) struct DatabaseErrorTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let what: String
        /// `$PORT` and `$CERTIFICATES` stand for the cluster's.
        let url: String
        let code: Int32
        /// Parts of the one line, in order.
        let says: [String]

        var testDescription: String { what }
    }

    private static let unavailable: Int32 = 69
    private static let noPermission: Int32 = 77
    private static let configuration: Int32 = 78

    private static let cases = [
        Case(
            what: "unknown host",
            url: "postgres://u:s3cret@no-such-host.invalid/postgres",
            code: configuration,
            says: ["could not translate host name \"no-such-host.invalid\"", "Check the host in DATABASE_URL"]
        ),
        Case(
            what: "wrong password",
            url: "postgres://guarded:s3cret@127.0.0.1:$PORT/postgres",
            code: noPermission,
            says: ["password authentication failed for user \"guarded\"", "Check user and password"]
        ),
        Case(
            what: "no password",
            url: "postgres://guarded@127.0.0.1:$PORT/postgres",
            code: noPermission,
            says: ["no password supplied", "Put the password into DATABASE_URL"]
        ),
        Case(
            what: "no such role",
            url: "postgres://nobody:s3cret@127.0.0.1:$PORT/postgres?sslmode=disable",
            code: noPermission,
            says: ["role \"nobody\" does not exist", "CREATE USER"]
        ),
        Case(
            what: "not in pg_hba.conf",
            url: "postgres://rejected:s3cret@127.0.0.1:$PORT/postgres?sslmode=disable",
            code: noPermission,
            says: ["pg_hba.conf", "must let this user in"]
        ),
        Case(
            what: "no such database",
            url: "postgres://podling:s3cret@127.0.0.1:$PORT/nowhere?sslmode=disable",
            code: configuration,
            says: ["database \"nowhere\" does not exist", "CREATE DATABASE"]
        ),
        Case(
            what: "no right to make tables",
            url: "postgres://reader:s3cret@127.0.0.1:$PORT/postgres?sslmode=disable",
            code: noPermission,
            says: ["permission denied for schema public", "GRANT ALL"]
        ),
        Case(
            what: "another encoding",
            url: "postgres://podling:s3cret@127.0.0.1:$PORT/ascii?sslmode=disable",
            code: configuration,
            says: ["the database's encoding is SQL_ASCII", "ENCODING 'UTF8'"]
        ),
        Case(
            what: "another CA",
            url: "postgres://podling:s3cret@localhost:$PORT/postgres?sslmode=verify-full"
                + "&sslrootcert=$CERTIFICATES/other.crt",
            code: noPermission,
            says: ["certificate verify failed", "Check sslrootcert"]
        ),
        Case(
            what: "another name",
            url: "postgres://podling:s3cret@127.0.0.1:$PORT/postgres?sslmode=verify-full"
                + "&sslrootcert=$CERTIFICATES/server.crt",
            code: noPermission,
            says: [
                "certificate for \"localhost\"", "does not match host name \"127.0.0.1\"",
                "Use the name in the server's certificate",
            ]
        ),
        Case(
            what: "no root certificate",
            url: "postgres://podling:s3cret@localhost:$PORT/postgres?sslmode=verify-full"
                + "&sslrootcert=$CERTIFICATES/none.crt",
            code: configuration,
            says: ["root certificate file", "none.crt", "need sslrootcert"]
        ),
        Case(
            what: "no such sslmode",
            url: "postgres://podling:s3cret@localhost:$PORT/postgres?sslmode=maybe",
            code: configuration,
            says: ["invalid sslmode value: \"maybe\"", "verify-full"]
        ),
        Case(
            what: "no such parameter",
            url: "postgres://podling:s3cret@localhost:$PORT/postgres?sslmod=require",
            code: configuration,
            says: ["invalid URI query parameter: \"sslmod\"", "those of libpq"]
        ),
        Case(
            what: "a password with a bare @",
            url: "postgres://podling:pa@s3cret@localhost:$PORT/postgres",
            code: configuration,
            says: ["DATABASE_URL is malformed", "special characters as %XX"]
        ),
        Case(
            what: "a password with a bare /",
            url: "postgres://podling:pa/s3cret@localhost:$PORT/postgres",
            code: configuration,
            says: ["DATABASE_URL is malformed", "special characters as %XX"]
        ),
        Case(
            what: "a port that is none",
            url: "postgres://podling:s3cret@localhost:99999/postgres",
            code: configuration,
            says: ["invalid port number", "1 to 65535"]
        ),
        Case(
            what: "malformed",
            url: "postgres://podling:s3cret%zz@localhost:$PORT/postgres",
            code: configuration,
            says: ["DATABASE_URL is malformed", "special characters as %XX"]
        ),
        Case(
            what: "a host that is only a standby",
            url: "postgres://podling:s3cret@127.0.0.1:$STANDBY/postgres?sslmode=disable",
            code: configuration,
            says: ["read-only", "This is a standby: name the primary"]
        ),
        Case(
            what: "a server without SSL",
            url: "postgres://podling:s3cret@127.0.0.1:$STANDBY/postgres?sslmode=require",
            code: configuration,
            says: ["server does not support SSL", "Turn SSL on in the server"]
        ),
    ]

    @Test func eachHasItsOwnMessageAndCode() async throws {
        try await onThread {
            let setting = try DatabaseSetting()
            for item in Self.cases {
                let program = try Self.master(setting.filledIn(item.url))
                #expect(program.wait(deadline: .after(seconds: 30)) == .exited(item.code), "\(item.what)")
                let last = program.output.split(separator: "\n").last { $0.contains("PostgreSQL") } ?? ""
                var rest = last
                for part in item.says {
                    let found = rest.firstRange(of: part)
                    #expect(found != nil, "\(item.what): \(part) is not in: \(program.output)")
                    rest = rest[(found?.upperBound ?? rest.startIndex)...]
                }
                #expect(!program.output.contains("s3cret"), "\(item.what)")
            }
        }
    }

    /// The modes of the storage document, each with a server that supports it.
    @Test(arguments: ["disable", "require", "verify-ca", "verify-full"]) func everyModeServes(mode: String) async throws
    {
        try await onThread {
            let setting = try DatabaseSetting()
            let url = setting.filledIn(
                "postgres://podling@localhost:$PORT/postgres?sslmode=\(mode)&sslrootcert=$CERTIFICATES/server.crt"
            )
            let master = try MasterProcess([], environment: ["STORE_TYPE": "postgres", "DATABASE_URL": url])
            let taskId = try Peer(master).submit(#""name":"a","image":"busybox""#)
            let stored = try setting.primary.sql("SELECT status FROM tasks WHERE task_id = '\(taskId)'")
            #expect(stored == ["pending"])
            let encrypted = try setting.primary.sql(
                "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'podling-master'"
            )
            #expect(encrypted == [mode == "disable" ? "f" : "t"])
            #expect(master.terminate() == .exited(0))
        }
    }

    /// `podling-client tls doctor --database`, against the same server.
    @Test func theDoctorFindsWhatIsBroken() async throws {
        try await onThread {
            let setting = try DatabaseSetting()
            let full = "sslmode=verify-full&sslrootcert=$CERTIFICATES"
            for (url, status, words) in [
                ("localhost:$PORT/postgres?\(full)/server.crt", Int32(0), "ok      ALPN"),
                ("127.0.0.1:$PORT/postgres?\(full)/server.crt", 1, "is not for '127.0.0.1' but for DNS:localhost"),
                ("localhost:$PORT/postgres?\(full)/other.crt", 1, "BROKEN  chain"),
                ("localhost:$PORT/postgres?\(full)/absent.crt", 1, "absent.crt cannot be read"),
                ("127.0.0.1:$STANDBY/postgres?sslmode=require", 1, "the server has no TLS (ssl = off)"),
            ] {
                let program = try ProgramProcess(
                    ProductsDirectory.program("podling-client"),
                    ["tls", "doctor", "--database"],
                    environment: ["DATABASE_URL": setting.filledIn("postgres://podling:s3cret@" + url)]
                )
                #expect(program.wait(deadline: .after(seconds: 30)) == .exited(status), "\(url): \(program.output)")
                #expect(program.output.contains(words), "\(program.output)")
                #expect(!program.output.contains("s3cret"))
            }
        }
    }

    @Test(arguments: [
        (["STORE_TYPE": "mysql", "DATABASE_URL": ""], "STORE_TYPE=mysql is not known"),
        (["STORE_TYPE": "postgres", "DATABASE_URL": ""], "STORE_TYPE=postgres needs DATABASE_URL"),
    ])
    func theEnvironmentIsChecked(environment: [String: String], says: String) async throws {
        try await onThread {
            let program = try ProgramProcess(ProductsDirectory.program("podling-master"), [], environment: environment)
            #expect(program.wait(deadline: .after(seconds: 20)) == .exited(64))
            #expect(program.output.contains(says))
        }
    }

    /// Where tasks are kept is no surprise.
    @Test(arguments: [("", true), (nil, true), ("memory", true), ("memory", false)])
    func whereTasksAreKeptIsSaid(type: String?, hasURL: Bool) async throws {
        try await onThread {
            var environment = ["DATABASE_URL": hasURL ? "postgres://u:s3cret@127.0.0.1:1/d" : ""]
            if let type { environment["STORE_TYPE"] = type }
            let master = try MasterProcess(environment: environment)
            #expect(master.terminate() == .exited(0))
            let output = master.process.output
            #expect(output.contains("store=memory"), "\(output)")
            #expect(output.contains("DATABASE_URL is set, and STORE_TYPE is not postgres") == hasURL, "\(output)")
            #expect(!output.contains("s3cret"))
        }
    }

    /// A leading master can write: it does not find out later that no connection is left for it.
    @Test func whoLeadsHasItsConnectionForWriting() async throws {
        try await onThread {
            let cluster = try PostgresCluster()
            let master = try MasterProcess(environment: ["STORE_TYPE": "postgres", "DATABASE_URL": cluster.url])
            let writing = try cluster.sql(
                "SELECT 1 FROM pg_stat_activity WHERE application_name = 'podling-master' AND query LIKE '%podling_task_row%'"
            )
            #expect(writing == ["1"])
            #expect(master.terminate() == .exited(0))
            #expect(master.process.output.contains("store=postgres"))
        }
    }

    @Test func aRoleWithoutAFreeConnectionIsToldSo() async throws {
        try await onThread {
            let cluster = try PostgresCluster()
            try cluster.sql("CREATE ROLE few LOGIN CONNECTION LIMIT 0")
            let program = try Self.master("postgres://few@127.0.0.1:\(cluster.port)/postgres?sslmode=disable")
            #expect(program.wait(deadline: .after(seconds: 30)) == .exited(69))
            #expect(program.output.contains("(SQLSTATE 53300). Raise max_connections"), "\(program.output)")
        }
    }

    private static func master(_ url: String) throws -> ProgramProcess {
        try ProgramProcess(
            ProductsDirectory.program("podling-master"),
            ["--listen", "127.0.0.1:0", "--http-listen", "off"],
            environment: ["STORE_TYPE": "postgres", "DATABASE_URL": url]
        )
    }
}
