import PodlingAccess
import Testing

@testable import PodlingCore

/// Who may do what, operation by operation, as proto-spec.md, section 10.1 has it.
@Suite struct RoleMatrixTests {
    /// By operation: the roles that may, and the members that make it more than a bad request.
    static let matrix: [String: (roles: Set<Role>, members: String)] = [
        "ping": (Set(Role.allCases), ""),
        "help": (Set(Role.allCases), ""),
        "get": ([.client, .reader, .admin], #","taskId":"t404""#),
        "list": ([.client, .reader, .admin], ""),
        "wait": ([.client, .reader, .admin], #","taskId":"T""#),
        "watch": ([.client, .reader, .admin], ""),
        "logs": ([.client, .reader, .admin], #","taskId":"T""#),
        "unsubscribe": ([.client, .reader, .admin], #","sub":1"#),
        "nodes": ([.client, .reader, .admin], ""),
        "submit": ([.client, .admin], #","name":"a","image":"b""#),
        "submit_many": ([.client, .admin], #","tasks":[{"name":"a","image":"b"}]"#),
        "cancel": ([.client, .admin], #","taskId":"T""#),
        "import": (
            [.admin],
            #","tasks":[{"taskId":"x","status":"completed","createdAt":"2026-01-01T00:00:00Z","name":"a","image":"b"}]"#
        ),
        "drain": ([.admin], #","nodeId":"n1""#),
        "register": ([.worker], #","slots":1"#),
        "heartbeat": ([.worker], ""),
        "accept": ([.worker], #","taskId":"T","attempt":1"#),
        "status": ([.worker], #","taskId":"T","attempt":1,"status":"running""#),
        "log": ([.worker], #","sub":1,"stream":"stdout","text":"a""#),
        "log_end": ([.worker], #","sub":1"#),
        "reject": ([.worker], #","taskId":"T","attempt":1"#),
        "deregister": ([.worker], ""),
    ]

    @Test func theMatrixHasEveryOperation() {
        let names = Set(Operation.allCases.map { "\($0.name)" })
        #expect(names.subtracting(Self.matrix.keys) == ["hello"])
    }

    @Test(arguments: Role.allCases, matrix.keys.sorted())
    func eachRoleMayWhatItMay(role: Role, operation: String) throws {
        var harness = try CoreHarness.asking()
        if role != .worker { _ = harness.authenticatedWorker(8, node: "n1") }
        let session = CoreHarness.session(1)
        harness.open(session, peer: "192.0.2.1:5")
        if role == .worker {
            _ = harness.send(
                #"{"op":"hello","proto":1,"role":"worker","node":"n2","instance":"i","token":"worker-n2"}"#,
                #"{"op":"register","slots":1}"#,
                from: session
            )
        } else {
            let lines = harness.send(
                #"{"op":"hello","proto":1,"role":"client","token":"\#(role.rawValue)"}"#,
                from: session
            )
            #expect(lines.last?.contains(#""ok""#) == true)
        }
        let entry = try #require(Self.matrix[operation])
        let task = harness.submitted(by: 9)
        let members = entry.members.replacing("\"T\"", with: "\"\(task)\"")
        let before = harness.denials.count
        let reply = harness.send(#"{"op":"\#(operation)","id":"q"\#(members)}"#, from: session)
            .first { $0.contains(#""re":"q""#) }
        if entry.roles.contains(role) {
            #expect(reply?.contains(#""code":"forbidden""#) == false, "\(reply ?? "")")
            #expect(reply?.contains(#""code":"bad_request""#) == false, "\(reply ?? "")")
            #expect(harness.denials.count == before)
        } else {
            #expect(reply?.contains(#""err":{"code":"forbidden""#) == true, "\(reply ?? "")")
            let denial = try #require(harness.denials.last)
            #expect(harness.denials.count == before + 1)
            #expect(denial.identity == (role == .worker ? "worker w2" : "\(role.rawValue) its-\(role.rawValue)"))
            #expect(denial.operation == operation)
            #expect(denial.peer == "192.0.2.1:5")
        }
    }

    /// Before `hello` with a token, and on a connection whose hello had none.
    @Test(arguments: matrix.keys.sorted(), [false, true])
    func whoHasShownNothingMayAskHowTheMasterIs(operation: String, hasSaidHello: Bool) throws {
        var harness = try CoreHarness.asking()
        let session = harness.client(1)
        if hasSaidHello {
            let lines = harness.send(#"{"op":"hello","proto":1,"role":"client"}"#, from: session)
            #expect(lines.last?.contains(#""code":"unauthenticated""#) == true)
            #expect(lines.last?.contains("fatal") == false)
        }
        let members = try #require(Self.matrix[operation]).members
        let reply = harness.send(#"{"op":"\#(operation)","id":"q"\#(members)}"#, from: session)
            .first { $0.contains(#""re":"q""#) }
        let isOpenToAll = ["ping", "help"].contains(operation)
        #expect(reply?.contains(#""err":{"code":"unauthenticated""#) == !isOpenToAll, "\(reply ?? "")")
        let counts = harness.core.tasks.counts
        #expect(counts.allSatisfy { $0 == 0 })
    }

    /// Without tokens all is as it was.
    @Test(arguments: matrix.keys.sorted())
    func whereNobodyIsAskedNobodyIsDenied(operation: String) throws {
        var harness = CoreHarness()
        let session = harness.client(1)
        let members = try #require(Self.matrix[operation]).members
        let reply = harness.send(#"{"op":"\#(operation)","id":"q"\#(members)}"#, from: session)
            .first { $0.contains(#""re":"q""#) }
        #expect(reply?.contains("forbidden") == false)
        #expect(reply?.contains("unauthenticated") == false)
        #expect(harness.denials.isEmpty)
    }
}
