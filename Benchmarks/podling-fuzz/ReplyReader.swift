import LoadSupport
import PodlingProtocol

/// Looks at the lines that come: each is to be valid JSON, and a reply or an event.
struct ReplyReader: ~Copyable {
    struct Reply {
        var isReply = false
        /// The number of the request.
        var number: Int?
        /// The answer to the last question of a session.
        var isLast = false
        var assigned: Assigned?
    }

    private static let shownBytesMax = 300

    private var reader = JSONReader()

    mutating func read(
        _ line: UnsafeRawBufferPointer,
        _ learned: inout Learned,
        _ tally: inout Tally
    ) throws(LoadFailure) -> Reply {
        let root: JSONValue
        do {
            root = try reader.parse(line).root
        } catch {
            throw LoadFailure("a line that is not JSON came: \(Self.shown(line))")
        }
        var reply = Reply()
        if let answered = root["re"] {
            reply.isReply = true
            reply.number = answered.int()
            reply.isLast = answered.stringEquals("last")
            tally.replies += 1
        } else if root["ev"] != nil {
            tally.events += 1
        } else {
            throw LoadFailure("a line without re and ev came: \(Self.shown(line))")
        }
        if let code = root["err"]?["code"]?.string() {
            tally.errors[code, default: 0] += 1
            if code == "internal" { throw LoadFailure("an internal fault was told: \(Self.shown(line))") }
        }
        learn(root, &learned, &reply)
        return reply
    }

    private func learn(_ root: JSONValue, _ learned: inout Learned, _ reply: inout Reply) {
        let body = root["ok"] ?? root
        if let task = body["taskId"], task.isString {
            let id = Array(task.raw.dropFirst().dropLast())
            learned.add(task: id)
            if root["ev"]?.stringEquals("assign") == true {
                reply.assigned = Assigned(task: id, attempt: root["attempt"]?.int() ?? 1)
            }
        }
        if let cursor = body["cursor"], cursor.isString {
            learned.add(cursor: Array(cursor.raw.dropFirst().dropLast()))
        }
    }

    private static func shown(_ line: UnsafeRawBufferPointer) -> String {
        String(decoding: line.prefix(shownBytesMax), as: UTF8.self)
    }
}
