/// Common set-up errors, recognised by SQLSTATE, and else by the message of libpq, which this program never has
/// translated.
struct PGFault {
    /// The kind, by exit code (sysexits.h).
    enum Kind: Int32 {
        case unavailable = 69
        case noPermission = 77
        case configuration = 78
    }

    /// A SQLSTATE (PostgreSQL manual, appendix A), or words of the message.
    let sign: String
    let kind: Kind
    let cure: String

    static func of(_ error: PGError) -> PGFault? {
        if let state = error.sqlState, let fault = byState.first(where: { $0.sign == state }) { return fault }
        return byWords.first { error.message.contains($0.sign) }
    }

    private init(_ sign: String, _ kind: Kind, _ cure: String) {
        (self.sign, self.kind, self.cure) = (sign, kind, cure)
    }

    private static let noSlot =
        "Raise max_connections in the server, or the limit of the user or the database, or end other sessions."

    private static let byState = [
        PGFault("28P01", .noPermission, "Check user and password in DATABASE_URL."),
        PGFault(
            "28000",
            .noPermission,
            "CREATE USER, or check the user in DATABASE_URL; the server's pg_hba.conf must let this user in from this host."
        ),
        PGFault("3D000", .configuration, "CREATE DATABASE, or check the name at the end of DATABASE_URL."),
        PGFault("53300", .unavailable, noSlot),
        PGFault("57P03", .unavailable, "Try again once the server is ready."),
        PGFault(
            "42501",
            .noPermission,
            "GRANT ALL ON DATABASE, and on SCHEMA public, to this user; or run podling-master migrate as the owner of the tables."
        ),
        PGFault(
            "25006",
            .configuration,
            "This is a standby: name the primary, or several hosts and target_session_attrs=read-write."
        ),
    ]

    /// The first match wins: less specific words come last.
    private static let byWords = [
        PGFault(
            "Connection refused",
            .unavailable,
            "Is PostgreSQL running there, and does it listen on that address and port?"
        ),
        PGFault(
            "timeout expired",
            .unavailable,
            "The host did not answer; check the address and what filters the way to it."
        ),
        PGFault("could not translate host name", .configuration, "Check the host in DATABASE_URL."),
        PGFault(
            "No such file or directory",
            .configuration,
            "Name a host in DATABASE_URL, or check the folder of its socket."
        ),
        PGFault(
            "no password supplied",
            .noPermission,
            "Put the password into DATABASE_URL, PGPASSWORD or a .pgpass file."
        ),
        PGFault(
            "certificate verify failed",
            .noPermission,
            "Check sslrootcert in DATABASE_URL against the server's certificate."
        ),
        PGFault(
            "does not match host name",
            .noPermission,
            "Use the name in the server's certificate as the host, or sslmode=verify-ca."
        ),
        PGFault(
            "does not support SSL",
            .configuration,
            "Turn SSL on in the server, or use sslmode=disable on a network that is yours alone."
        ),
        PGFault(
            "root certificate file",
            .configuration,
            "sslmode verify-ca and verify-full need sslrootcert in DATABASE_URL: the certificate of your CA."
        ),
        PGFault(
            "invalid sslmode value",
            .configuration,
            "sslmode may be disable, allow, prefer, require, verify-ca or verify-full."
        ),
        PGFault(
            "for connection option",
            .configuration,
            "Check what DATABASE_URL says after the host's colon and after its question mark."
        ),
        PGFault("invalid port number", .configuration, "The port in DATABASE_URL must be 1 to 65535."),
        PGFault("unrecognized configuration parameter", .configuration, "Check options in DATABASE_URL."),
        PGFault(
            "unsupported startup parameter",
            .configuration,
            "In PgBouncer's configuration, set ignore_startup_parameters = options."
        ),
        PGFault(
            "read-only",
            .configuration,
            "This is a standby: name the primary, or several hosts and target_session_attrs=read-write."
        ),
        PGFault(
            "DATABASE_URL is malformed",
            .configuration,
            "It must look like postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full, with special characters as %XX."
        ),
        PGFault(
            "invalid URI query parameter",
            .configuration,
            "The names after ? in DATABASE_URL are those of libpq, such as sslmode and sslrootcert."
        ),
        PGFault(
            "the database's encoding",
            .configuration,
            "CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0 makes one that fits."
        ),
        PGFault(
            "the database's schema is version",
            .configuration,
            "Use the newer podling-master: a database does not go back."
        ),
        PGFault(
            "the tables in the database are of schema version",
            .configuration,
            "Run podling-master migrate as their owner, or leave out --no-migrate."
        ),
    ]
}
