import PodlingMaster
import PodlingProtocol
import Synchronization

/// A master of canned replies, which keeps what it was sent.
final class FakeDoor: MasterDoor {
    struct Closed: Error {}

    typealias Answer = @Sendable (_ line: String) async throws -> String

    private struct State {
        var lines: [String] = []
        var openCount = 0
        var closedCount = 0
        var refusesToOpen = false
    }

    static let task = #"{"taskId":"t1","status":"running","attempt":2,"nodeId":"n1","name":"hi",  "image":"b\u0041"}"#
    static let lease = #"{"lease_ms":15000,"heartbeat_ms":5000}"#

    static let defaults: [String: String] = [
        "hello": ok(#"{"proto":1,"epoch":"e","session":1}"#),
        "ping": ok(#"{"now":"2026-11-23T22:31:07.123Z","server":"fake","tasks":{"pending":3}}"#),
        "submit": ok(task),
        "get": ok(task),
        "cancel": ok(task),
        "list": ok(#"{"tasks":["# + task + "]}"),
        "nodes": ok(#"{"nodes":[{"nodeId":"n1"},{"nodeId":"n2"}]}"#),
        "register": ok(#"{"epoch":"e","lease_ms":15000,"heartbeat_ms":5000,"keep":[],"kill":[],"lost":[]}"#),
        "heartbeat": ok(lease),
        "status": ok("{}"),
    ]

    let asksForIdentity = false
    private let state = Mutex(State())
    private let answers: [String: Answer]

    /// - Parameter replies: for an operation, the whole reply line.
    init(_ replies: [String: String] = [:], answers: [String: Answer] = [:]) {
        let fixed = Self.defaults.merging(replies) { _, given in given }
        let constant = fixed.mapValues { reply -> Answer in { @Sendable _ in reply } }
        self.answers = constant.merging(answers) { _, given in given }
    }

    static func ok(_ value: String) -> String { #"{"re":null,"ok":"# + value + "}" }

    static func err(_ code: String, _ rest: String = "") -> String {
        #"{"re":null,"err":{"code":"\#(code)","msg":"because","retryable":false\#(rest)}}"#
    }

    var lines: [String] { state.withLock { $0.lines } }
    var openCount: Int { state.withLock { $0.openCount } }
    var closedCount: Int { state.withLock { $0.closedCount } }

    func lines(op: String) -> [String] { lines.filter { $0.hasPrefix("{\"op\":\"\(op)\"") } }

    func refuseToOpen() { state.withLock { $0.refusesToOpen = true } }

    func open(_ peer: DoorPeer) async throws -> any DoorSession {
        try state.withLock {
            if $0.refusesToOpen { throw Closed() }
            $0.openCount += 1
        }
        return FakeSession(door: self)
    }

    fileprivate func request(_ line: [UInt8]) async throws -> [UInt8] {
        let text = String(decoding: line, as: UTF8.self)
        guard !line.contains(UInt8(ascii: "\n")), !line.contains(UInt8(ascii: "\r")) else {
            return Array(Self.err("bad_json").utf8)
        }
        var reader = JSONReader()
        let op = try line.withUnsafeBytes { try reader.parse($0).root["op"]?.string() }
        state.withLock { $0.lines.append(text) }
        guard let op, let answer = answers[op] else { return Array(Self.err("unknown_op").utf8) }
        return Array(try await answer(text).utf8)
    }

    fileprivate func sessionClosed() { state.withLock { $0.closedCount += 1 } }
}

private final class FakeSession: DoorSession {
    let door: FakeDoor
    private let isClosed = Atomic(false)

    init(door: FakeDoor) { self.door = door }

    func request(_ line: [UInt8]) async throws -> [UInt8] {
        guard !isClosed.load(ordering: .relaxed) else { throw FakeDoor.Closed() }
        return try await door.request(line)
    }

    func close() {
        if !isClosed.exchange(true, ordering: .relaxed) { door.sessionClosed() }
    }
}
