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

    /// Whether what a row holds is the reason, or what a trigger makes of it; another row may be taken. User-defined states
    /// begin with I to Z, but for those of PostgreSQL itself (manual, appendix A).
    var isRowRefused: Bool {
        guard !isConnectionLost, let state = sqlState?.prefix(2), let first = state.first else { return false }
        if ["21", "22", "23", "27", "38", "39", "44", "54", "P0"].contains(state) { return true }
        return ("I"..."Z").contains(first) && state != "XX"
    }

    var isUniqueViolation: Bool { sqlState == "23505" }

    /// What to do about it; nil where nothing better than the message is known.
    public var cure: String? { PGFault.of(self)?.cure }

    /// The exit code of a program that cannot go on (sysexits.h): 69 where the server is not reached or busy, 77 where it
    /// lets this user in to do less than is needed, 78 where something is set up wrongly.
    public var exitCode: Int32 { (PGFault.of(self)?.kind ?? .unavailable).rawValue }

    public var description: String {
        let what = sqlState.map { "\(message) (SQLSTATE \($0))" } ?? message
        guard let cure else { return what }
        // libpq ends some sentences itself.
        return what.last.map { ".?!".contains($0) } ?? true ? "\(what) \(cure)" : "\(what). \(cure)"
    }
}
