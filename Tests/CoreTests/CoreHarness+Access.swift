import PodlingAccess

@testable import PodlingCore

extension CoreHarness {
    /// A core that asks for tokens: one for each role by its name, and `worker-n1`, `worker-n2` for workers of these nodes.
    static func asking(
        without revoked: String? = nil,
        _ change: (inout CoreConfiguration) -> Void = { _ in }
    )
        throws -> CoreHarness
    {
        let table = try tokens(without: revoked)
        return CoreHarness {
            $0.isAuthenticated = true
            $0.tokens = table
            change(&$0)
        }
    }

    static func tokens(without revoked: String? = nil) throws -> TokenTable {
        let roles = try Role.allCases.map {
            ($0.rawValue, try record("its-\($0.rawValue)", $0, nil, secret: $0.rawValue))
        }
        let workers = [
            ("worker-n1", try record("w1", .worker, "n1", secret: "worker-n1")),
            ("worker-n2", try record("w2", .worker, "n2", secret: "worker-n2")),
        ]
        return try TokenTable((roles + workers).filter { $0.0 != revoked }.map(\.1))
    }

    private static func record(_ name: String, _ role: Role, _ node: String?, secret: String) throws -> TokenRecord {
        try TokenRecord(name: name, role: role, node: node, digest: Token.digest(of: secret), createdAt: 0)
    }

    /// A worker of `n1` or `n2`, registered.
    mutating func authenticatedWorker(_ slot: Int, node: String) -> SessionID {
        let session = Self.session(slot)
        open(session, peer: "192.0.2.8:5")
        _ = send(
            #"{"op":"hello","proto":1,"role":"worker","node":"\#(node)","instance":"i","token":"worker-\#(node)"}"#,
            #"{"op":"register","slots":4}"#,
            from: session
        )
        return session
    }

    /// A new task of a client on this slot.
    mutating func submitted(by slot: Int) -> String {
        let session = Self.session(slot)
        open(session)
        _ = send(#"{"op":"hello","proto":1,"role":"client","token":"client"}"#, from: session)
        return submit(from: session)
    }
}
