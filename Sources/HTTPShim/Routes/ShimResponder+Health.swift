import HTTPTypes
import Hummingbird
import PodlingProtocol

extension ShimResponder {
    /// The condition of a master, as operators see it.
    private enum Condition {
        case ok
        case standby
        /// The store does not answer: reads from memory continue, writes wait.
        case degraded
        case draining

        var name: StaticString {
            switch self {
            case .ok: "ok"
            case .standby: "standby"
            case .degraded: "degraded"
            case .draining: "draining"
            }
        }

        init(_ ping: JSONValue) {
            if ping["draining"]?.bool() == true {
                self = .draining
            } else if ping["store"]?["status"]?.stringEquals("away") == true {
                self = .degraded
            } else {
                self = ping["standby"]?.bool() == true ? .standby : .ok
            }
        }
    }

    /// The liveness probe: 200 as long as the master answers at all, since a restart repairs nothing else.
    func health() async throws -> Response {
        .json(try await condition().body)
    }

    /// The readiness probe: 503 where requests should go to another master.
    func ready(leads: Bool) async throws -> Response {
        let (condition, body) = try await condition()
        let isReady = condition == .ok || (condition == .standby && !leads)
        guard !isReady else { return .json(body) }
        return .json(body, status: .serviceUnavailable, headers: [.retryAfter: "1"])
    }

    private func condition() async throws -> (Condition, body: [UInt8]) {
        try await probes.request(Array(#"{"op":"ping"}"#.utf8)).ok { ok, _ in
            let condition = Condition(ok)
            let body = jsonBytes { out in
                out.beginObject("status", word: condition.name)
                for member in ok.members where !member.keyEquals("status") { out.member(member) }
                out.endBody()
            }
            return (condition, body)
        }
    }
}
