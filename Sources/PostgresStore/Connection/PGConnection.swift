import CLibpq
import Glibc
import PodlingClock

/// One connection to PostgreSQL. Every call blocks: never use it on an event loop or the cooperative pool.
///
/// Each call has a deadline: connecting by `connect_timeout`; a statement by `statement_timeout` and, where the server
/// does not answer at all, by a clock of this side; a dead network by `tcp_user_timeout` and keepalives (PostgreSQL
/// manual, 34.1.2). `DATABASE_URL` overrides those of libpq.
final class PGConnection {
    static let statementMillisecondsDefault = 60_000
    /// Grace after `statement_timeout`: the server cancels a late statement by itself; one that does not is
    /// unreachable.
    private static let answerGraceMilliseconds = 5_000
    /// Polling interval of `isGivenUp`.
    private static let sliceMilliseconds = 250
    private static let markName = "podling.session"
    /// Options before the URL, which it can override.
    private static let defaults = [
        ("connect_timeout", "10"), ("tcp_user_timeout", "15000"), ("keepalives_idle", "10"),
        ("keepalives_interval", "5"), ("keepalives_count", "3"), ("application_name", "podling-master"),
    ]

    private let handle: OpaquePointer
    /// Names of the statements that are prepared on this connection.
    private var prepared: Set<String> = []
    private let notices = UnsafeMutablePointer<PGNotices>.allocate(capacity: 1)
    private let statementMilliseconds: Int
    /// Whether the server's session belongs to this connection alone, so that settings and prepared statements persist.
    /// A pooler in transaction mode does not pass on the settings that a session begins with.
    private(set) var ownsSession = false
    /// Polled several times a second while waiting for an answer; true abandons the wait.
    var isGivenUp: (() -> Bool)?

    /// - Parameters:
    ///   - statementMilliseconds: how long one statement may take.
    ///   - settings: names and values of session settings.
    ///   - defaults: options of libpq that precede its own and Podling's.
    /// - Throws: `PGError` with what libpq says; the URL is never in it.
    init(
        _ url: String,
        statementMilliseconds: Int = statementMillisecondsDefault,
        settings: [(String, String)] = [],
        defaults: [(String, String)] = []
    ) throws(PGError) {
        notices.initialize(to: PGNotices())
        self.statementMilliseconds = statementMilliseconds
        let mark = String(UInt64.random(in: 0...UInt64.max), radix: 36)
        let own = [
            ("statement_timeout", String(statementMilliseconds)),
            ("idle_in_transaction_session_timeout", String(Self.statementMillisecondsDefault)), ("timezone", "UTC"),
            (Self.markName, mark),
        ]
        handle = try Self.connected(url, own + settings, defaults)
        PGNotices.install(notices, on: handle)
        _ = PQsetnonblocking(handle, 1)
        ownsSession = try execute("SELECT current_setting('\(Self.markName)', true)").text(0, 0) == mark
        let encoding = PQparameterStatus(handle, "server_encoding").map { String(cString: $0) } ?? "unknown"
        guard encoding == "UTF8" else {
            throw PGError(
                message: "the database's encoding is \(encoding), and Podling's is UTF8"
            )
        }
    }

    deinit {
        PQfinish(handle)
        notices.deinitialize(count: 1)
        notices.deallocate()
    }

    private static func connected(
        _ url: String,
        _ settings: [(String, String)],
        _ defaults: [(String, String)]
    ) throws(PGError) -> OpaquePointer {
        // As start-up options and not by SET: that would cost round trips, and leak into a pooler's session for others.
        let given = try option("options", in: url) ?? getenv("PGOPTIONS").map { String(cString: $0) }
        let options = settings.map { "-c \($0.0)=\($0.1)" } + (given.map { [$0] } ?? [])
        let pairs =
            Self.defaults + defaults
            + [("dbname", url), ("client_encoding", "UTF8"), ("options", options.joined(separator: " "))]
        let names = PGCStrings(pairs.map(\.0))
        let values = PGCStrings(pairs.map(\.1))
        guard let made = PQconnectdbParams(names.pointers, values.pointers, 1) else {
            throw PGError(message: "out of memory")
        }
        guard PQstatus(made) == CONNECTION_OK else {
            let message = line(PQerrorMessage(made))
            let state = state(of: message, made)
            if PQstatus(made) == CONNECTION_OK { return made }
            defer { PQfinish(made) }
            throw PGError(sqlState: state, message: message, isConnectionLost: true)
        }
        return made
    }

    /// The SQLSTATE of a failed connection attempt. The server's message is localized, and libpq reports the code only
    /// at a higher verbosity, set before connecting: so it connects once more, where a server has answered at all.
    private static func state(of message: String, _ handle: OpaquePointer) -> String? {
        // A server's message follows its severity, a colon and two spaces (libpq, pqBuildErrorMessage3).
        guard message.contains(":  ") else { return nil }
        PQsetErrorVerbosity(handle, PQERRORS_VERBOSE)
        defer { PQsetErrorVerbosity(handle, PQERRORS_DEFAULT) }
        PQreset(handle)
        guard PQstatus(handle) != CONNECTION_OK else { return nil }
        let codes = line(PQerrorMessage(handle)).split(separator: ":  ").dropFirst().map { $0.prefix { $0 != ":" } }
        return codes.last { code in
            code.utf8.count == 5 && code.allSatisfy { $0.isASCII && ($0.isNumber || $0.isUppercase) }
        }.map { String($0) }
    }

    // MARK: Statements

    /// Runs one statement.
    @discardableResult
    func execute(_ sql: String, _ parameters: PGParameters = PGParameters()) throws(PGError) -> PGResult {
        let isSent = parameters.withPointers { PQsendQueryParams(handle, sql, $0, nil, $1, $2, $3, 0) }
        guard isSent == 1 else { throw lost() }
        guard let last = try results().last else { throw lost() }
        return last
    }

    /// Runs a statement that is composed of several.
    /// - Parameter isPrepared: whether it is parsed and planned once for this connection.
    func execute(_ statement: PGStatement, isPrepared: Bool) throws(PGError) -> PGResult {
        guard isPrepared else { return try execute(statement.sql(), statement.parameters) }
        let name = statement.name
        if !prepared.contains(name) {
            guard PQsendPrepare(handle, name, statement.sql(), 0, nil) == 1 else { throw lost() }
            _ = try results()
            prepared.insert(name)
        }
        let isSent = statement.parameters.withPointers { PQsendQueryPrepared(handle, name, $0, $1, $2, $3, 0) }
        guard isSent == 1 else { throw lost() }
        guard let last = try results().last else { throw lost() }
        return last
    }

    /// Runs several trusted statements in one transaction.
    func executeScript(_ sql: String) throws(PGError) {
        guard PQsendQuery(handle, sql) == 1 else { throw lost() }
        _ = try results()
    }

    // MARK: Results

    /// Collects the results of everything that was sent.
    private func results() throws(PGError) -> [PGResult] {
        let deadline = MonotonicClock.milliseconds() + statementMilliseconds + Self.answerGraceMilliseconds
        var results: [PGResult] = []
        var failure: PGError?
        while let made = try nextResult(by: deadline) {
            do throws(PGError) { results.append(try check(made)) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
        try checkNotices()
        return results
    }

    /// Flushes the output, and reads until there is a result.
    ///
    /// - Parameter deadline: monotonic milliseconds.
    /// - Returns: nil where the statement has no more results.
    private func nextResult(by deadline: Int) throws(PGError) -> OpaquePointer? {
        var isFlushed = false
        while true {
            if !isFlushed {
                let left = PQflush(handle)
                guard left >= 0 else { throw lost() }
                isFlushed = left == 0
            }
            guard PQisBusy(handle) == 1 else { return PQgetResult(handle) }
            try waitForSocket(isFlushed ? POLLIN : POLLIN | POLLOUT, by: deadline)
        }
    }

    /// Waits for the socket, and consumes its input.
    private func waitForSocket(_ events: Int32, by deadline: Int) throws(PGError) {
        var descriptor = pollfd(fd: PQsocket(handle), events: Int16(events), revents: 0)
        let wait = deadline - MonotonicClock.milliseconds()
        guard wait > 0, isGivenUp?() != true else {
            throw PGError(message: "PostgreSQL did not answer in time", isConnectionLost: true)
        }
        guard poll(&descriptor, 1, Int32(min(wait, Self.sliceMilliseconds))) > 0 else { return }
        guard Int32(descriptor.revents) == POLLOUT || PQconsumeInput(handle) == 1 else { throw lost() }
    }

    private func check(_ made: OpaquePointer) throws(PGError) -> PGResult {
        let result = PGResult(made)
        switch PQresultStatus(made) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK: return result
        default:
            guard PQstatus(handle) == CONNECTION_OK else { throw lost() }
            throw PGError(
                sqlState: result.errorField(.sqlState),
                message: result.errorField(.message) ?? Self.line(PQerrorMessage(handle)),
                isConnectionLost: ["FATAL", "PANIC"].contains(result.errorField(.severity))
            )
        }
    }

    /// Treats a commit that the synchronous standby may not have as failed.
    private func checkNotices() throws(PGError) {
        guard notices.pointee.isCommitLocalOnly else { return }
        notices.pointee.isCommitLocalOnly = false
        throw PGError(
            message: "the transaction was committed by this server, and not known to be by its synchronous standby",
            isConnectionLost: true
        )
    }

    private func lost() -> PGError { PGError(message: Self.line(PQerrorMessage(handle)), isConnectionLost: true) }

    private static func line(_ text: UnsafePointer<CChar>?) -> String {
        guard let text, text.pointee != 0 else { return "no reason was given" }
        return String(cString: text).split(whereSeparator: \.isNewline).map { $0.drop { $0 == "\t" } }
            .joined(separator: "; ")
    }

    /// The value of an option in the URL.
    ///
    /// libpq's message on a malformed URL may quote a part of it, and that part may be the password.
    private static func option(_ name: String, in url: String) throws(PGError) -> String? {
        var message: UnsafeMutablePointer<CChar>?
        let options = PQconninfoParse(url, &message)
        defer {
            PQconninfoFree(options)
            PQfreemem(message)
        }
        let isURL = url.hasPrefix("postgres://") || url.hasPrefix("postgresql://") || url.contains("=")
        guard let options, isURL, !hasBarePassword(url) else {
            // This message names a parameter only.
            let words = message.map { line($0) } ?? ""
            throw PGError(message: words.hasPrefix("invalid URI query parameter") ? words : "DATABASE_URL is malformed")
        }
        var next = options
        while let keyword = next.pointee.keyword {
            if String(cString: keyword) == name { return next.pointee.val.map { String(cString: $0) } }
            next += 1
        }
        return nil
    }

    /// Whether a password with a bare `@` or `/` ends in what libpq takes for the host, the port or the database, and
    /// would be shown as a part of it.
    private static func hasBarePassword(_ url: String) -> Bool {
        guard let scheme = url.firstRange(of: "://"), url[..<scheme.lowerBound].allSatisfy(\.isLetter) else {
            return false
        }
        let rest = url[scheme.upperBound...].prefix { $0 != "?" }
        guard let end = rest.lastIndex(of: "@") else { return false }
        return rest[..<end].contains { "@/".contains($0) }
    }
}
