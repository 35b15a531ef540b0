/// Why PostgreSQL did not do what it was asked.
public struct PGError: Error, CustomStringConvertible, Sendable {
    /// Five characters (PostgreSQL manual, appendix A); nil where the server said none, as when it is not reached.
    public var sqlState: String?
    /// libpq's or the server's words, on one line; they hold no password.
    public var message: String
    /// The connection is gone, or never was.
    public var isConnectionLost: Bool
    /// Another master leads: this one may write no more.
    private(set) var isLeadLost = false

    static var leadLost: PGError {
        var error = PGError(message: "another master leads now; this one may write no more")
        error.isLeadLost = true
        return error
    }

    public init(sqlState: String? = nil, message: String, isConnectionLost: Bool = false) {
        self.sqlState = sqlState
        self.message = message
        self.isConnectionLost = isConnectionLost
    }

    /// Whether the same may succeed later, or on another connection.
    public var isRetryable: Bool {
        guard !isConnectionLost, let sqlState else { return isConnectionLost }
        // Connection, resources, rollback, operator intervention; a lock not had, and a server that became a standby.
        return ["08", "53", "40", "57"].contains { sqlState.hasPrefix($0) } || ["55P03", "25006"].contains(sqlState)
    }

    /// What to do about it; nil where nothing better than the message is known.
    public var cure: String? {
        Self.cures.first { message.contains($0.words) }?.cure
    }

    public var description: String {
        let what = sqlState.map { "\(message) (SQLSTATE \($0))" } ?? message
        guard let cure else { return what }
        // libpq ends some sentences itself.
        return what.last.map { ".?!".contains($0) } ?? true ? "\(what) \(cure)" : "\(what). \(cure)"
    }

    private static let cures: [(words: String, cure: String)] = [
        ("Connection refused", "Is PostgreSQL running there, and does it listen on that address and port?"),
        ("could not translate host name", "Check the host in DATABASE_URL."),
        ("No such file or directory", "Name a host in DATABASE_URL, or check the folder of its socket."),
        ("password authentication failed", "Check user and password in DATABASE_URL."),
        ("no password supplied", "Put the password into DATABASE_URL, PGPASSWORD or a .pgpass file."),
        ("no pg_hba.conf entry", "The server's pg_hba.conf must let this user in from this host."),
        ("certificate verify failed", "Check sslrootcert in DATABASE_URL against the server's certificate."),
        ("does not match host name", "Use the name in the server's certificate as the host, or sslmode=verify-ca."),
        ("does not support SSL", "Turn SSL on in the server, or use sslmode=disable on a network that is yours alone."),
        ("root certificate file", "sslmode verify-ca and verify-full need sslrootcert in DATABASE_URL."),
        ("timeout expired", "The host did not answer; check the address and what filters the way to it."),
        ("permission denied", "GRANT ALL ON DATABASE, and on SCHEMA public, to this user."),
        (
            "read-only transaction",
            "This is a standby: name the primary, or several hosts and target_session_attrs=read-write."
        ),
        ("role \"", "CREATE USER, or check the user in DATABASE_URL."),
        ("database \"", "CREATE DATABASE, or check the name at the end of DATABASE_URL."),
    ]
}
