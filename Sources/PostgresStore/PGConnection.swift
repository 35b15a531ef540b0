import CLibpq

/// One connection to PostgreSQL. Every call blocks: never use it on an event loop or the cooperative pool.
///
/// Each call has a deadline: connecting by `connect_timeout`, a statement by `statement_timeout`, a dead network by
/// `tcp_user_timeout` and keepalives (PostgreSQL manual, 34.1.2); `DATABASE_URL` overrides those of libpq.
final class PGConnection {
    private static let statementSeconds = 60
    /// What stands before the URL can be overridden by it.
    private static let defaults = [
        ("connect_timeout", "10"), ("tcp_user_timeout", "15000"), ("keepalives_idle", "10"),
        ("keepalives_interval", "5"), ("keepalives_count", "3"), ("application_name", "podling-master"),
    ]

    private let handle: OpaquePointer

    /// - Throws: `PGError` with what libpq says; the URL is never in it.
    init(_ url: String) throws(PGError) {
        try Self.check(url)
        let pairs = Self.defaults + [("dbname", url), ("client_encoding", "UTF8")]
        let made = withCStrings(pairs.map { Array($0.0.utf8) }) { names in
            withCStrings(pairs.map { Array($0.1.utf8) }) { PQconnectdbParams(names, $0, 1) }
        }
        guard let made else { throw PGError(message: "out of memory") }
        handle = made
        guard PQstatus(made) == CONNECTION_OK else {
            throw PGError(message: Self.line(PQerrorMessage(made)), isConnectionLost: true)
        }
        // Notices are for people at a terminal.
        _ = PQsetNoticeProcessor(made, { _, _ in }, nil)
        try execute("SET statement_timeout = \(Self.statementSeconds * 1_000)")
        try execute("SET idle_in_transaction_session_timeout = \(Self.statementSeconds * 1_000)")
        try execute("SET TIME ZONE 'UTC'")
        let encoding = String(cString: PQparameterStatus(made, "server_encoding"))
        guard encoding == "UTF8" else {
            throw PGError(
                message: "the database's encoding is \(encoding); Podling needs one made with ENCODING 'UTF8'"
            )
        }
    }

    deinit { PQfinish(handle) }

    /// Runs one statement.
    /// - Parameter parameters: `$1` and on, as text.
    @discardableResult
    func execute(_ sql: String, _ parameters: [[UInt8]?] = []) throws(PGError) -> PGResult {
        let made = withCStrings(parameters) {
            PQexecParams(handle, sql, Int32(parameters.count), nil, $0, nil, nil, 0)
        }
        return try check(made)
    }

    /// Runs several statements, of our own text only, in one transaction.
    func executeScript(_ sql: String) throws(PGError) { _ = try check(PQexec(handle, sql)) }

    private func check(_ made: OpaquePointer?) throws(PGError) -> PGResult {
        guard let made else { throw lost() }
        let result = PGResult(made)
        switch PQresultStatus(made) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK: return result
        default:
            guard PQstatus(handle) == CONNECTION_OK else { throw lost() }
            let state = PQresultErrorField(made, 67).map { String(cString: $0) }
            let message = PQresultErrorField(made, 77).map { String(cString: $0) }
            throw PGError(sqlState: state, message: message ?? Self.line(PQerrorMessage(handle)))
        }
    }

    private func lost() -> PGError { PGError(message: Self.line(PQerrorMessage(handle)), isConnectionLost: true) }

    private static func line(_ text: UnsafePointer<CChar>?) -> String {
        guard let text else { return "no reason was given" }
        return String(cString: text).split(whereSeparator: \.isNewline).map { $0.drop { $0 == "\t" } }
            .joined(separator: "; ")
    }

    /// libpq's own words on a malformed URL may quote a part of it, and the password may be that part.
    private static func check(_ url: String) throws(PGError) {
        var message: UnsafeMutablePointer<CChar>?
        let options = PQconninfoParse(url, &message)
        defer {
            PQconninfoFree(options)
            PQfreemem(message)
        }
        let isURL = url.hasPrefix("postgres://") || url.hasPrefix("postgresql://") || url.contains("=")
        guard options != nil, isURL else {
            throw PGError(
                message: "DATABASE_URL is malformed; it must look like "
                    + "postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full, with special characters as %XX"
            )
        }
    }
}

/// What a statement gave, as text.
final class PGResult {
    private let handle: OpaquePointer
    let rowCount: Int

    init(_ handle: OpaquePointer) {
        self.handle = handle
        rowCount = Int(PQntuples(handle))
    }

    deinit { PQclear(handle) }

    /// nil is NULL.
    func bytes(_ row: Int, _ column: Int) -> [UInt8]? {
        let (row, column) = (Int32(row), Int32(column))
        guard PQgetisnull(handle, row, column) == 0, let start = PQgetvalue(handle, row, column) else { return nil }
        return [UInt8](UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(handle, row, column))))
    }

    func text(_ row: Int, _ column: Int) -> String? { bytes(row, column).map { String(decoding: $0, as: UTF8.self) } }

    func int(_ row: Int, _ column: Int) -> Int? { text(row, column).flatMap { Int($0) } }

    func flag(_ row: Int, _ column: Int) -> Bool { text(row, column) == "t" }
}

/// Calls with NUL-terminated copies, and NULL at the end.
private func withCStrings<R>(
    _ strings: [[UInt8]?],
    _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> R
) -> R {
    var offsets: [Int?] = []
    var bytes: [UInt8] = []
    bytes.reserveCapacity(strings.reduce(0) { $0 + ($1?.count ?? 0) + 1 })
    for string in strings {
        offsets.append(string.map { _ in bytes.count })
        if let string { bytes += string + [0] }
    }
    return bytes.withUnsafeBytes { all in
        let start = all.bindMemory(to: CChar.self).baseAddress
        let pointers = offsets.map { offset in offset.flatMap { start?.advanced(by: $0) } } + [nil]
        return pointers.withUnsafeBufferPointer { buffer in
            withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: buffer.count) { copy in
                _ = copy.initialize(from: buffer)
                guard let base = copy.baseAddress else { return body([nil]) }
                return body(base)
            }
        }
    }
}
