import PodlingCore

/// What the clients have asked for: every task has a name of its own, by which it is known again.
final class Ledger {
    struct Submission {
        var name: String
        var key: String
        var spec: String
        var maxAttempts: Int
    }

    private let database: Database
    private(set) var byName: [String: Submission] = [:]
    private var next = 0

    init(_ database: Database) { self.database = database }

    func make(_ random: inout SplitMix64, nodes: [String]) -> Submission {
        next += 1
        let prefix =
            switch random.below(60) {
            case 0: "bad"
            case 1: "rude"
            default: "t"
            }
        let name = "\(prefix)\(next)"
        var spec = "\"name\":\"\(name)\",\"image\":\"\(random.once(in: 30) ? "missing" : "image\(random.below(12))")\""
        var maxAttempts = 5
        switch random.below(14) {
        case 0: spec += ",\"priority\":\(random.below(5) - 2)"
        case 1: spec += ",\"nodeSelector\":{\"zone\":\"\(random.pick(nodes))\"}"
        case 2: spec += ",\"onNodeLost\":\"fail\""
        case 3: spec += ",\"onNodeLost\":\"keep\""
        case 4:
            maxAttempts = 1
            spec += ",\"maxAttempts\":1"
        case 5: spec += ",\"timeoutSeconds\":1"
        case 6: spec += ",\"resources\":{\"requests\":{\"cpu\":1.5}}"
        case 7: spec += ",\"stopGraceSeconds\":1"
        case 8: spec += ",\"pullPolicy\":\"always\""
        default: break
        }
        let key = "k\(next)"
        spec += ",\"idempotencyKey\":\"\(key)\""
        let submission = Submission(name: name, key: key, spec: spec, maxAttempts: maxAttempts)
        byName[name] = submission
        return submission
    }

    /// The name in a spec.
    static func name(in spec: [UInt8]) -> String? {
        let head = Array("\"name\":\"".utf8)
        guard let at = spec.firstRange(of: head) else { return nil }
        return String(decoding: spec[at.upperBound...].prefix { $0 != UInt8(ascii: "\"") }, as: UTF8.self)
    }

    func submission(of row: TaskRow) -> Submission? {
        (row.spec ?? database.tasks[row.idText]?.row.spec).flatMap(Self.name).flatMap { byName[$0] }
    }

    /// Whether a user's constraint refuses this row: some names never, some not while changes are refused.
    func isRefused(_ row: TaskRow, isNew: Bool, changesToo: Bool) -> Bool {
        guard let spec = row.spec ?? database.tasks[row.idText]?.row.spec, let name = Self.name(in: spec) else {
            return false
        }
        return isNew ? name.hasPrefix("bad") : changesToo && name.hasPrefix("rude")
    }
}
