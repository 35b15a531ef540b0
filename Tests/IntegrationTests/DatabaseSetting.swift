import FoundationEssentials
import Glibc
import TestSupport

/// A PostgreSQL with TLS and access rules, and a standby of it without TLS.
final class DatabaseSetting: Sendable {
    let primary: PostgresCluster
    let standby: PostgresCluster
    private let scratch: Scratch

    private static let rules = """
        host all guarded 127.0.0.1/32 scram-sha-256
        host all guarded ::1/128 scram-sha-256
        host all rejected 127.0.0.1/32 reject
        host all all 127.0.0.1/32 trust
        host all all ::1/128 trust
        host replication all 127.0.0.1/32 trust
        """

    init() throws {
        scratch = try Scratch()
        let folder = scratch.path
        try Self.certificate(folder, "server")
        try Self.certificate(folder, "other")
        try Data((Self.rules + "\n").utf8).write(to: URL(filePath: folder + "/pg_hba.conf"))
        try Self.giveToPostgres([folder, folder + "/server.key"])
        primary = try PostgresCluster(settings: [
            "hba_file": folder + "/pg_hba.conf", "ssl": "on", "ssl_cert_file": folder + "/server.crt",
            "ssl_key_file": folder + "/server.key",
        ])
        for statement in [
            "CREATE USER guarded PASSWORD 'another'", "CREATE USER rejected", "CREATE USER reader",
            "CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0",
        ] {
            try primary.sql(statement)
        }
        standby = try PostgresCluster(standbyOf: primary)
    }

    func filledIn(_ url: String) -> String {
        url.replacing("$PORT", with: "\(primary.port)").replacing("$STANDBY", with: "\(standby.port)")
            .replacing("$CERTIFICATES", with: scratch.path)
    }

    /// Makes a self-signed certificate for the name localhost.
    private static func certificate(_ folder: String, _ name: String) throws {
        _ = try Tool.output(
            "openssl",
            [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                "subjectAltName=DNS:localhost", "-keyout", "\(folder)/\(name).key", "-out", "\(folder)/\(name).crt",
            ]
        )
    }

    private static func giveToPostgres(_ paths: [String]) throws {
        guard geteuid() == 0 else { return }
        guard let entry = getpwnam("postgres") else { throw TestSupportError("there is no user postgres") }
        for path in paths { chown(path, entry.pointee.pw_uid, entry.pointee.pw_gid) }
    }
}
