import Glibc
import TestSupport

/// A scripted master for a worker that is tested for the duties of proto-spec.md, section 11.1.
///
/// It answers everything else as a healthy master would. Not thread-safe.
final class DutyMaster {
    /// Bounds a hang, and is not one of the worker's duties.
    static let waitSeconds = 60.0

    let address: String
    private let listener: Int32
    private let schema: JSONSchema
    var leaseMilliseconds = 15_000
    var heartbeatMilliseconds = 1_000
    /// Replies in place of `ok`, by operation: the text after the id, without the brace. nil is silence.
    var answers: [String: String?] = [:]

    init() throws {
        schema = try JSONSchema()
        let port: UInt16
        (listener, port) = try LineConnection.listen()
        address = "127.0.0.1:\(port)"
    }

    deinit { close(listener) }

    /// The worker's next connection, greeted.
    func connection(seconds: Double = waitSeconds, greeting: String = greeting) throws -> DutyConnection {
        var descriptor = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
        guard poll(&descriptor, 1, Int32(seconds * 1_000)) > 0 else {
            throw TestSupportError("the worker did not dial within \(seconds) s")
        }
        let socket = LineConnection.accept(on: listener)
        guard socket >= 0 else { throw TestSupportError("accept: \(errno)") }
        let connection = DutyConnection(accepted: socket, self, schema)
        try connection.send(greeting)
        return connection
    }

    static let greeting = #"{"ev":"hello","proto":[1,1],"auth":"none","line_max":1048576,"server":"duties/1"}"#

    /// The next connection, and its `register`, which is answered with all attempts kept.
    func registered() throws -> (connection: DutyConnection, register: WireValue) {
        let connection = try connection()
        try connection.next("hello")
        return (connection, try connection.next("register"))
    }

    /// The next `register`, on this connection or, where the worker closes it, on the next.
    func registeredAgain(_ old: DutyConnection) throws -> (connection: DutyConnection, register: WireValue) {
        let deadline = Deadline.after(seconds: Self.waitSeconds)
        while let line = try old.line(by: deadline) {
            if line["op"] == .string("register") { return (old, line) }
        }
        return try registered()
    }

    /// The members of a reply to `register`.
    func order(keep: [DutyAttempt] = [], kill: [DutyAttempt] = [], lost: [DutyAttempt] = []) -> String {
        let kept = keep.map { "{\($0)}" }.joined(separator: ",")
        let killed = kill.map { "{\($0),\"code\":\"stale_attempt\"}" }.joined(separator: ",")
        let gone = lost.map { "{\($0)}" }.joined(separator: ",")
        return #"{"epoch":"e","lease_ms":\#(leaseMilliseconds),"heartbeat_ms":\#(heartbeatMilliseconds),"#
            + #""keep":[\#(kept)],"kill":[\#(killed)],"lost":[\#(gone)]}"#
    }

    /// An `err` as an answer.
    static func refusal(_ code: String, isRetryable: Bool, retryAfterMilliseconds: Int? = nil) -> String {
        let wait = retryAfterMilliseconds.map { ",\"retry_after_ms\":\($0)" } ?? ""
        return #""err":{"code":"\#(code)","msg":"the duties say so","retryable":\#(isRetryable)\#(wait)}"#
    }
}

/// An attempt as a worker speaks of it.
struct DutyAttempt: Equatable, CustomStringConvertible {
    var taskId: String
    var attempt: Int

    init(_ taskId: String, _ attempt: Int = 1) { (self.taskId, self.attempt) = (taskId, attempt) }

    init?(_ value: WireValue) {
        guard let taskId = value["taskId"]?.text, let attempt = value["attempt"]?.integer else { return nil }
        self.init(taskId, attempt)
    }

    var description: String { #""taskId":"\#(taskId)","attempt":\#(attempt)"# }
}

/// One connection of a worker.
final class DutyConnection {
    private let socket: Int32
    private let connection: LineConnection
    private unowned let master: DutyMaster
    private let schema: JSONSchema
    /// All that came.
    private(set) var lines: [WireValue] = []

    init(accepted socket: Int32, _ master: DutyMaster, _ schema: JSONSchema) {
        (self.socket, self.master, self.schema) = (socket, master, schema)
        connection = LineConnection(accepted: socket)
    }

    func hangUp() { shutdown(socket, Int32(SHUT_RDWR)) }

    func send(_ line: String) throws { try connection.send(line: line) }

    func assign(_ attempt: DutyAttempt, _ script: String, _ members: String = "") throws {
        let script = script.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        try send(
            #"{"ev":"assign",\#(attempt),"later":1,"spec":{"name":"duty","image":"none","command":["sh","-c","\#(script)"]\#(members)}}"#
        )
    }

    func cancel(_ attempt: DutyAttempt, graceSeconds: Int, code: String = "cancelled") throws {
        try send(#"{"ev":"cancel",\#(attempt),"graceSeconds":\#(graceSeconds),"code":"\#(code)"}"#)
    }

    /// The next line of this operation that matches; it and all before it are answered.
    @discardableResult
    func next(
        _ op: String,
        seconds: Double = DutyMaster.waitSeconds,
        where isWanted: (WireValue) -> Bool = { _ in true },
        orElse isWantedToo: (WireValue) -> Bool = { _ in false }
    ) throws -> WireValue {
        let deadline = Deadline.after(seconds: seconds)
        while true {
            guard let line = try line(by: deadline) else {
                throw TestSupportError("no \(op) came before the worker hung up, after \(lines.suffix(8))")
            }
            if line["op"] == .string(op) && isWanted(line) || isWantedToo(line) { return line }
        }
    }

    /// The next report of this attempt.
    @discardableResult
    func report(_ attempt: DutyAttempt, _ statuses: String...) throws -> WireValue {
        try next("status") { line in
            DutyAttempt(line) == attempt && statuses.contains { line["status"] == .string($0) }
        }
    }

    /// Reads until the worker closes the connection.
    func awaitEnd() throws {
        let deadline = Deadline.after(seconds: DutyMaster.waitSeconds)
        do {
            while try line(by: deadline) != nil {}
        } catch let error as TestSupportError where "\(error)".contains("send: ") {
            // It has left before it was answered.
        }
    }

    /// Whether there is something to read within this time.
    func hasLine(within seconds: Double) -> Bool { connection.hasLine(within: seconds) }

    /// The next line, answered; nil at the end.
    func line(by deadline: Deadline) throws -> WireValue? {
        guard let bytes = try connection.readLine(seconds: Double(deadline.millisecondsLeft) / 1_000) else {
            return nil
        }
        let line = try WireValue(parsing: bytes)
        let op = line["op"]?.text ?? ""
        let faults = try schema.faults(of: line.withoutNulls, by: "request.json#/$defs/\(op)")
        guard faults.isEmpty else { throw TestSupportError("\(faults) in \(String(decoding: bytes, as: UTF8.self))") }
        lines.append(line)
        try answer(op, line)
        return line
    }

    /// Reads and answers what is there, until the worker has been asked something and has said it.
    func settle() throws {
        // A `logs` of an attempt that never was is answered after all that was said before it.
        try send(#"{"ev":"logs","sub":999,"taskId":"never","attempt":1,"tail":0,"follow":false}"#)
        do {
            _ = try next("log_end", seconds: 20) { $0["sub"] == .integer(999) }
        } catch {
            throw TestSupportError("`logs` is not answered (W16), which every check leans on: \(error)")
        }
    }

    /// Replies to a request that was met with silence.
    func reply(to line: WireValue, _ ok: String) throws { try send("{\"re\":\(Self.id(line) ?? "null"),\"ok\":\(ok)}") }

    /// As JSON.
    private static func id(_ line: WireValue) -> String? {
        switch line["id"] {
        case .integer(let number): "\(number)"
        case .string(let text): "\"\(text)\""
        default: nil
        }
    }

    private func answer(_ op: String, _ line: WireValue) throws {
        let known = Self.id(line)
        guard known != nil || (op != "log" && op != "log_end") else { return }
        let id = known ?? "null"
        if let answer = master.answers[op] {
            if let answer { try send("{\"re\":\(id),\(answer)}") }
            return
        }
        let lease = #""lease_ms":\#(master.leaseMilliseconds),"heartbeat_ms":\#(master.heartbeatMilliseconds)"#
        switch op {
        case "hello": try send(#"{"re":\#(id),"ok":{"proto":1,"epoch":"e","session":1,"later":{}}}"#)
        case "register":
            let kept = (line["attempts"]?.elements ?? []).compactMap(DutyAttempt.init).map { "{\($0)}" }
            let list = kept.joined(separator: ",")
            try send(#"{"re":\#(id),"ok":{"epoch":"e",\#(lease),"keep":[\#(list)],"kill":[],"lost":[]}}"#)
        case "heartbeat": try send(#"{"re":\#(id),"ok":{\#(lease)}}"#)
        default: try send(#"{"re":\#(id),"ok":{}}"#)
        }
    }
}
