/// A failed call to PostgreSQL.
package struct PGError: Error, CustomStringConvertible, Sendable {
    /// The SQLSTATE, five characters (PostgreSQL manual, appendix A); nil where the server gave none, as when it is
    /// unreachable.
    package var sqlState: String?
    /// The message of libpq or the server, on one line; it holds no password.
    package var message: String
    /// The connection was lost, or never made.
    package var isConnectionLost: Bool
    /// The fence rejected this master: another leads, and this one may write no more.
    private(set) var isLeadLost = false

    static var leadLost: PGError {
        var error = PGError(message: "another master leads now; this one may write no more")
        error.isLeadLost = true
        return error
    }

    package init(sqlState: String? = nil, message: String, isConnectionLost: Bool = false) {
        self.sqlState = sqlState
        self.message = message
        self.isConnectionLost = isConnectionLost
    }

    /// Whether a retry may succeed, later or on another connection.
    package var isRetryable: Bool {
        guard !isConnectionLost, let sqlState else { return isConnectionLost }
        // Connection, resources, rollback, operator intervention; an unavailable lock, and a server that became a
        // standby.
        return ["08", "53", "40", "57"].contains { sqlState.hasPrefix($0) } || ["55P03", "25006"].contains(sqlState)
    }

    /// Whether the cause is the content of a row, or what a trigger makes of it; another row may be accepted.
    /// User-defined states begin with I to Z, but for those of PostgreSQL itself (manual, appendix A).
    var isRowRefused: Bool {
        guard !isConnectionLost, let state = sqlState?.prefix(2), let first = state.first else { return false }
        if ["21", "22", "23", "27", "38", "39", "44", "54", "P0"].contains(state) { return true }
        return ("I"..."Z").contains(first) && state != "XX"
    }

    var isUniqueViolation: Bool { sqlState == "23505" }

    /// The remedy; nil where nothing better than the message is known.
    package var cure: String? { PGFault.of(self)?.cure }

    /// The exit code for a program that cannot continue (sysexits.h): 69 where the server is unreachable or busy, 77
    /// where the user lacks a privilege, 78 where a setting is wrong.
    package var exitCode: Int32 { (PGFault.of(self)?.kind ?? .unavailable).rawValue }

    package var description: String {
        let what = sqlState.map { "\(message) (SQLSTATE \($0))" } ?? message
        guard let cure else { return what }
        // libpq ends some messages with a full stop, some without.
        return what.last.map { ".?!".contains($0) } ?? true ? "\(what) \(cure)" : "\(what). \(cure)"
    }
}
