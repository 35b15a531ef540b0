import PodlingCore

/// Events of a master, encoded as numbers that are valid in any state: a history stays valid when a part is left out.
enum Happening: Sendable, CustomStringConvertible {
    case submit(variant: Int)
    case submitMany(count: Int)
    case cancel(task: Int)
    case get(task: Int)
    case list(variant: Int)
    case register(worker: Int)
    case drop(worker: Int)
    case drain(worker: Int, isOn: Bool)
    case report(worker: Int, attempt: Int, status: Int)
    case reject(worker: Int, attempt: Int)
    case advance(milliseconds: Int64)
    /// The master restarts with what its store kept. The model continues, without its connections.
    case restart

    static let workerCount = 3
    static let statuses = ["scheduled", "running", "running", "completed", "failed", "cancelled"]
    /// No attempt times out: a restarted master would report that a tick later.
    static let specs = [
        "", #","priority":3"#, #","resources":{"requests":{"cpu":1.5}}"#, #","nodeSelector":{"zone":"n1"}"#,
        #","onNodeLost":"fail""#, #","onNodeLost":"keep""#, #","maxAttempts":1"#, #","timeoutSeconds":86400"#,
        #","env":{"A":"\u0000\"\\é","B":""},"command":["a b","{,}"]"#, #","idempotencyKey":"k1""#,
        #","idempotencyKey":"k2","labels":{"a":"b"}"#,
    ]
    static let lists = [
        "", #","status":"pending""#, #","status":["completed","failed"],"order":"desc""#, #","nodeId":"n1""#,
        #","name":"t-3""#, #","labels":{"a":"b"}"#,
    ]

    static func random(using random: inout some RandomNumberGenerator) -> Happening {
        let worker = Int.random(in: 1...workerCount, using: &random)
        let any = Int.random(in: 0..<1_000, using: &random)
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<24: return .submit(variant: any % specs.count)
        case 24..<26: return .submitMany(count: 1 + any % 5)
        case 26..<33: return .cancel(task: any)
        case 33..<37: return .get(task: any)
        case 37..<41: return .list(variant: any % lists.count)
        case 41..<47: return .register(worker: worker)
        case 47..<50: return .drop(worker: worker)
        case 50..<53: return .drain(worker: worker, isOn: Bool.random(using: &random))
        case 53..<88: return .report(worker: worker, attempt: any, status: any % statuses.count)
        case 88..<90: return .reject(worker: worker, attempt: any)
        case 90..<96: return .advance(milliseconds: Int64.random(in: 1...4_000, using: &random))
        default: return .restart
        }
    }

    var description: String {
        switch self {
        case .submit(let variant): "submit(\(variant))"
        case .submitMany(let count): "submit_many(\(count))"
        case .cancel(let task): "cancel(\(task))"
        case .get(let task): "get(\(task))"
        case .list(let variant): "list(\(variant))"
        case .register(let worker): "register(\(worker))"
        case .drop(let worker): "drop(\(worker))"
        case .drain(let worker, let isOn): "drain(\(worker),\(isOn))"
        case .report(let worker, let attempt, let status): "report(\(worker),\(attempt),\(status))"
        case .reject(let worker, let attempt): "reject(\(worker),\(attempt))"
        case .advance(let milliseconds): "advance(\(milliseconds))"
        case .restart: "restart"
        }
    }
}

/// A history of which nothing can be left out, as far as that is found out in a bounded number of runs.
func shrunk(
    _ history: [Happening],
    runsMax: Int = 150,
    fails: ([Happening]) async throws -> Bool
) async throws -> [Happening] {
    var history = history
    var runs = 0
    var size = history.count / 2
    while size > 0 {
        var start = 0
        while start < history.count, runs < runsMax {
            runs += 1
            let shorter = Array(history[..<start] + history[min(start + size, history.count)...])
            if try await fails(shorter) { history = shorter } else { start += size }
        }
        size /= 2
    }
    return history
}
