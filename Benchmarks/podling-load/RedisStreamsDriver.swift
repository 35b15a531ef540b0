import Glibc
import LoadSupport

/// Redis streams: XADD by clients; XREADGROUP by workers, then one XACK and one XDEL for all it gave (a batch
/// is a batch here, which flatters Redis). A lifecycle is done when its XACK is answered.
struct RedisStreamsDriver: ThroughputDriver, ~Copyable {
    private(set) var submitted = 0
    private(set) var completed = 0
    let workersReady: Int
    var canDrain: Bool { true }
    private let add: [UInt8]
    private let slots: Int

    static let stream = "podling-load"
    static let group = "load"

    init(workers: Int, slots: Int) {
        workersReady = workers
        self.slots = slots
        let body = String(repeating: "x", count: PodlingLines.submitBytes)
        add = Array(Self.command(["XADD", Self.stream, "*", "d", body]).utf8)
    }

    /// Drops what is left of an earlier run and makes stream and group.
    static let prepare =
        command(["DEL", stream]) + command(["XGROUP", "CREATE", stream, group, "$", "MKSTREAM"])

    /// What a worker asks for again and again; its name is its descriptor.
    func read(_ descriptor: Int32) -> String {
        Self.command([
            "XREADGROUP", "GROUP", Self.group, "w\(descriptor)", "COUNT", "\(slots)", "BLOCK", "1000", "STREAMS",
            Self.stream, ">",
        ])
    }

    static func command(_ words: [String]) -> String {
        "*\(words.count)\r\n" + words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
    }

    mutating func submit(_ count: Int, on connection: UnsafeMutablePointer<Connection>) {
        add.withUnsafeBytes { line in
            guard let start = line.baseAddress else { return }
            for _ in 0..<count { connection.pointee.output.append(start, line.count) }
        }
        submitted &+= count
        connection.pointee.unconfirmed &+= count
    }

    mutating func received(
        _ bytes: UnsafeRawBufferPointer,
        on connection: UnsafeMutablePointer<Connection>
    ) throws(LoadFailure) -> Int {
        guard let start = bytes.baseAddress else { return 0 }
        var reply = RESPReply(start, start + bytes.count)
        while true {
            let from = reply.at
            guard let head = reply.line() else { return from - start }
            switch head.kind {
            case UInt8(ascii: "$") where !connection.pointee.isWorker:
                guard reply.skip(head.number + 2) else { return from - start }
                connection.pointee.unconfirmed &-= 1
            case UInt8(ascii: ":"):
                // XACK comes before the XDEL of the same batch, and both give the same number.
                if connection.pointee.unconfirmed == 2 { completed &+= head.number }
                connection.pointee.unconfirmed &-= 1
            case UInt8(ascii: "*") where head.number == -1:
                connection.pointee.output.append(read(connection.pointee.descriptor))
            case UInt8(ascii: "*"):
                guard try entries(&reply, connection) else { return from - start }
            default:
                throw .unexpected(from, start + bytes.count - from, from: "Redis")
            }
        }
    }

    /// `*1 *2 $stream *n (*2 $id *2 $field $value)...`; false where it is not all there.
    private func entries(
        _ reply: inout RESPReply,
        _ connection: UnsafeMutablePointer<Connection>
    ) throws(LoadFailure) -> Bool {
        guard reply.line() != nil, reply.text() != nil, let list = reply.line() else { return false }
        return withUnsafeTemporaryAllocation(of: UnsafeRawBufferPointer.self, capacity: max(1, list.number)) { ids in
            for index in 0..<list.number {
                guard reply.line() != nil, let id = reply.text(), reply.line() != nil, reply.text() != nil,
                    reply.text() != nil
                else { return false }
                ids[index] = id
            }
            append("XACK", ids[..<list.number], group: true, connection)
            append("XDEL", ids[..<list.number], group: false, connection)
            connection.pointee.output.append(read(connection.pointee.descriptor))
            connection.pointee.unconfirmed = 2
            return true
        }
    }

    private func append(
        _ name: String,
        _ ids: Slice<UnsafeMutableBufferPointer<UnsafeRawBufferPointer>>,
        group: Bool,
        _ connection: UnsafeMutablePointer<Connection>
    ) {
        let words = [name, Self.stream] + (group ? [Self.group] : [])
        connection.pointee.output.append("*\(words.count + ids.count)\r\n")
        for word in words { connection.pointee.output.append("$\(word.utf8.count)\r\n\(word)\r\n") }
        for id in ids {
            guard let start = id.baseAddress else { continue }
            connection.pointee.output.append("$\(id.count)\r\n")
            connection.pointee.output.append(start, id.count)
            connection.pointee.output.append("\r\n")
        }
    }

    func checkCounts() throws(LoadFailure) {
        guard completed == submitted else { throw LoadFailure("\(submitted) added, \(completed) acknowledged") }
    }

    func addFigures(to report: inout Report) {}
}

/// Walks over a reply in Redis's protocol (RESP 2) as far as its bytes have come.
struct RESPReply {
    private(set) var at: UnsafeRawPointer
    private let end: UnsafeRawPointer

    init(_ at: UnsafeRawPointer, _ end: UnsafeRawPointer) {
        self.at = at
        self.end = end
    }

    /// The type byte and the number of the next header line, which it steps over.
    mutating func line() -> (kind: UInt8, number: Int)? {
        guard at < end, let found = memchr(at, Int32(UInt8(ascii: "\n")), end - at) else { return nil }
        let kind = at.load(as: UInt8.self)
        var digit = at + 1
        var number = 0
        let isNegative = digit.load(as: UInt8.self) == UInt8(ascii: "-")
        if isNegative { digit += 1 }
        while digit.load(as: UInt8.self) &- 48 < 10 {
            number = number &* 10 &+ Int(digit.load(as: UInt8.self) &- 48)
            digit += 1
        }
        at = UnsafeRawPointer(found) + 1
        return (kind, isNegative ? -number : number)
    }

    /// The content of the bulk string that is next.
    mutating func text() -> UnsafeRawBufferPointer? {
        guard let head = line() else { return nil }
        let start = at
        guard skip(head.number + 2) else { return nil }
        return UnsafeRawBufferPointer(start: start, count: head.number)
    }

    mutating func skip(_ count: Int) -> Bool {
        guard end - at >= count else { return false }
        at += count
        return true
    }
}
