import PodlingAccess
import Testing

@testable import PodlingCore

/// Who a peer has shown to be, and what follows from it.
@Suite struct AuthenticationTests {
    private static func hello(_ token: String, role: String = "client", more: String = "") -> String {
        #"{"op":"hello","id":"h","proto":1,"role":"\#(role)","token":"\#(token)"\#(more)}"#
    }

    private static let node2 = #","node":"n2","instance":"i""#

    @Test func theBannerSaysWhatIsAskedFor() throws {
        var open = CoreHarness()
        open.open(CoreHarness.session(1))
        #expect(open.take(CoreHarness.session(1)).first?.contains(#""auth":"none""#) == true)
        var asking = try CoreHarness.asking()
        asking.open(CoreHarness.session(1))
        #expect(asking.take(CoreHarness.session(1)).first?.contains(#""auth":"token""#) == true)
        asking.open(CoreHarness.session(2), identity: Identity(role: .client, name: "cn"))
        #expect(asking.take(CoreHarness.session(2)).first?.contains(#""auth":"mtls""#) == true)
    }

    @Test func whereNobodyIsAskedATokenIsPassedOver() {
        var harness = CoreHarness()
        let session = harness.client(1)
        let lines = harness.send(Self.hello("anything"), #"{"op":"list","id":2}"#, from: session)
        #expect(lines.allSatisfy { $0.contains(#""ok""#) })
    }

    /// Unknown, of another form, empty, with a byte more, revoked: one answer, and the end.
    @Test(arguments: ["podling_nonsense", "x", "", "client ", "clien", "reader"])
    func everyWrongTokenHasOneAnswer(token: String) throws {
        var harness = try CoreHarness.asking(without: "reader")
        let session = harness.client(1)
        let lines = harness.send(Self.hello(token), #"{"op":"list","id":2}"#, from: session)
        let answer =
            #"{"re":"h","err":{"code":"unauthenticated","msg":"token: is not accepted by this master","field":"token","retryable":false,"fatal":true}}"#
        #expect(lines == [answer])
        #expect(harness.closed == [session])
        #expect(harness.denials.count == 1)
        if !token.isEmpty { #expect(!"\(harness.denials)".contains("podling_")) }
    }

    @Test func refusalsOfAHostWaitAndGoodTokensDoNot() throws {
        var harness = try CoreHarness.asking()
        for index in 0..<4 {
            harness.open(CoreHarness.session(index), peer: "192.0.2.1:\(index)")
            _ = harness.take(CoreHarness.session(index))
        }
        for index in 0..<3 { #expect(harness.send(Self.hello("no"), from: CoreHarness.session(index)).count == 1) }
        let late = CoreHarness.session(3)
        // What comes behind the one try is not carried out, a good token neither.
        let lines = harness.send(
            Self.hello("no"),
            Self.hello("client"),
            #"{"op":"ping"}"#,
            #"{"op":"submit","name":"a","image":"b"}"#,
            from: late
        )
        #expect(lines.isEmpty)
        let isHeld = harness.core.isAsking(late)
        #expect(isHeld)
        // From the same host.
        harness.open(CoreHarness.session(5), peer: "192.0.2.1:99")
        _ = harness.take(CoreHarness.session(5))
        #expect(harness.send(Self.hello("client"), from: CoreHarness.session(5)).first?.contains(#""ok""#) == true)
        // From another.
        harness.open(CoreHarness.session(6), peer: "192.0.2.2:1")
        _ = harness.take(CoreHarness.session(6))
        #expect(harness.send(Self.hello("no"), from: CoreHarness.session(6)).count == 1)
        harness.advance(milliseconds: 250)
        let answer = harness.take(late)
        #expect(answer.count == 1)
        #expect(answer.first?.contains(#""code":"unauthenticated""#) == true)
        #expect(harness.closed.contains(late))
        let counts = harness.core.tasks.counts
        #expect(counts.allSatisfy { $0 == 0 })
    }

    @Test func aStandbyAsksToo() throws {
        var harness = try CoreHarness.asking { $0.asksStore = true }
        harness.core.standBy(leader: "192.0.2.9:7070")
        let session = harness.client(1)
        #expect(harness.send(#"{"op":"list"}"#, from: session).first?.contains("unauthenticated") == true)
        #expect(harness.send(Self.hello("reader"), from: session).first?.contains(#""ok""#) == true)
        _ = harness.send(#"{"op":"list"}"#, from: session)
        #expect(harness.queries().count == 1)
        let other = harness.client(2)
        #expect(harness.send(Self.hello("no"), from: other).first?.contains("unauthenticated") == true)
        #expect(harness.closed == [other])
    }

    /// Token, hello, and what of both the error names.
    static let mismatches: [(token: String, hello: String, words: [String])] = [
        ("worker-n1", #""role":"worker","node":"n2","instance":"i""#, ["n1", "n2"]),
        ("client", #""role":"worker","node":"n2","instance":"i""#, ["worker", "client its-client"]),
        ("reader", #""role":"worker","node":"n2","instance":"i""#, ["worker", "reader its-reader"]),
        ("admin", #""role":"worker","node":"n2","instance":"i""#, ["worker", "admin its-admin"]),
        ("worker-n1", #""role":"client""#, ["client", "worker w1"]),
    ]

    @Test(arguments: mismatches)
    func helloMustBeWhatTheTokenIs(token: String, hello: String, words: [String]) throws {
        var harness = try CoreHarness.asking()
        let session = harness.client(1)
        let line = harness.send(#"{"op":"hello","proto":1,\#(hello),"token":"\#(token)"}"#, from: session)[0]
        #expect(line.contains(#""code":"forbidden""#) && line.contains(#""fatal":true"#), "\(line)")
        for word in words { #expect(line.contains(word), "\(line)") }
        #expect(harness.closed == [session])
        #expect(harness.denials.count == 1)
    }

    @Test func aWorkerWithoutANodeMayBeAny() throws {
        var harness = try CoreHarness.asking()
        let session = harness.client(1)
        #expect(
            harness.send(Self.hello("worker", role: "worker", more: Self.node2), from: session)[0].contains(#""ok""#)
        )
    }

    /// Two nodes: one reports the other's attempt, in every way there is.
    @Test(arguments: [
        #""op":"status","status":"running""#, #""op":"status","status":"completed""#,
        #""op":"status","status":"failed","exitCode":1"#, #""op":"status","status":"cancelled""#, #""op":"accept""#,
        #""op":"reject""#,
    ])
    func aWorkerReportsForItsOwnNodeOnly(report: String) throws {
        var harness = try CoreHarness.asking()
        let first = harness.authenticatedWorker(1, node: "n1")
        let task = harness.submitted(by: 9)
        #expect(harness.take(first).contains { $0.contains(#""ev":"assign""#) })
        let other = harness.authenticatedWorker(2, node: "n2")
        let before = harness.core.tasks.counts
        let line = harness.send(#"{\#(report),"id":3,"taskId":"\#(task)","attempt":1}"#, from: other)[0]
        #expect(line.contains(#""code":"forbidden""#), "\(line)")
        #expect(line.contains(task) && line.contains("n2"))
        let after = harness.core.tasks.counts
        #expect(after == before)
        #expect(harness.denials.last?.identity == "worker w2")
        #expect(harness.denials.last?.operation == "report")
        // An attempt that was never made is nobody's.
        let stale = harness.send(#"{\#(report),"id":4,"taskId":"\#(task)","attempt":2}"#, from: other)[0]
        #expect(stale.contains("stale_attempt"), "\(stale)")
        let own = harness.send(#"{\#(report),"id":5,"taskId":"\#(task)","attempt":1}"#, from: first)[0]
        #expect(own.contains(#""ok""#), "\(own)")
    }

    @Test func aWorkerMaySeeTheTasksOfItsNode() throws {
        var harness = try CoreHarness.asking()
        let first = harness.authenticatedWorker(1, node: "n1")
        let task = harness.submitted(by: 9)
        let other = harness.authenticatedWorker(2, node: "n2")
        _ = harness.take(first)
        let get = #"{"op":"get","id":3,"taskId":"\#(task)"}"#
        #expect(harness.send(get, from: first)[0].contains(#""ok""#))
        #expect(harness.send(get, from: other).last?.contains("forbidden") == true)
        #expect(harness.send(#"{"op":"get","id":3}"#, from: first)[0].contains("forbidden"))
        let list = #"{"op":"list","id":4,"nodeId":"n1"}"#
        #expect(harness.send(list, from: first)[0].contains(task))
        #expect(harness.send(list, from: other)[0].contains("forbidden"))
    }

    @Test func registeringWithAnothersAttemptsTakesNothing() throws {
        var harness = try CoreHarness.asking()
        _ = harness.authenticatedWorker(1, node: "n1")
        let task = harness.submitted(by: 9)
        let other = harness.authenticatedWorker(2, node: "n2")
        let attempts = #"[{"taskId":"\#(task)","attempt":1}]"#
        let line = harness.send(#"{"op":"register","slots":1,"attempts":\#(attempts)}"#, from: other)[0]
        #expect(line.contains(#""keep":[]"#) && line.contains("stale_attempt"), "\(line)")
    }

    @Test func revokedTokensEndTheirSessions() throws {
        var harness = try CoreHarness.asking()
        let worker = harness.authenticatedWorker(1, node: "n1")
        let reader = harness.client(2)
        _ = harness.send(Self.hello("reader"), from: reader)
        let stranger = harness.client(3)
        _ = harness.take(worker)
        harness.setTokens(try CoreHarness.tokens(without: "worker-n1"))
        #expect(harness.closed == [worker])
        let line = harness.take(worker)[0]
        #expect(line.contains(#""ev":"error""#) && line.contains("unauthenticated") && line.contains("fatal"))
        #expect(harness.send(#"{"op":"list","id":1}"#, from: reader)[0].contains(#""ok""#))
        #expect(harness.take(stranger).isEmpty)
        harness.open(CoreHarness.session(4))
        let again = harness.send(
            Self.hello("worker-n1", role: "worker", more: #","node":"n1","instance":"i""#),
            from: CoreHarness.session(4)
        )
        #expect(again.last?.contains("unauthenticated") == true)
    }

    // MARK: Certificates

    private static let node1 = Identity(role: .worker, name: "n1", node: "n1")

    @Test func aCertificateStandsForAToken() throws {
        var harness = try CoreHarness.asking()
        let session = CoreHarness.session(1)
        harness.open(session, identity: Self.node1)
        let hello = #"{"op":"hello","proto":1,"role":"worker","node":"n1","instance":"i"}"#
        #expect(harness.send(hello, #"{"op":"register","slots":1}"#, from: session).last?.contains(#""keep""#) == true)
        let client = CoreHarness.session(2)
        harness.open(client, identity: Identity(role: .reader, name: "bob"))
        _ = harness.take(client)
        // Without hello, as a client may.
        #expect(harness.send(#"{"op":"list"}"#, from: client)[0].contains(#""ok""#))
        #expect(harness.send(#"{"op":"submit","name":"a","image":"b"}"#, from: client)[0].contains("forbidden"))
    }

    @Test func aCertificateForAnotherNodeNamesBoth() throws {
        var harness = try CoreHarness.asking()
        let session = CoreHarness.session(1)
        harness.open(session, identity: Self.node1)
        _ = harness.take(session)
        let line = harness.send(
            #"{"op":"hello","proto":1,"role":"worker","node":"n2","instance":"i"}"#,
            from: session
        )[0]
        #expect(line.contains("forbidden") && line.contains("n1") && line.contains("n2"), "\(line)")
        #expect(harness.closed == [session])
    }

    /// Certificate's identity, token, node of hello or nil for a client, and whether that is fine.
    static let together: [(Identity, String, String?, String?)] = [
        (node1, "worker-n1", "n1", nil),
        (node1, "worker", "n1", nil),
        (node1, "worker-n2", "n1", "forbidden"),
        (node1, "worker-n2", "n2", "forbidden"),
        (node1, "admin", nil, "forbidden"),
        (node1, "wrong", "n1", "unauthenticated"),
        (Identity(role: .client, name: "cn"), "admin", nil, nil),
        (Identity(role: .client, name: "cn"), "wrong", nil, "unauthenticated"),
        (Identity(role: .client, name: "cn"), "worker-n2", "n2", nil),
    ]

    @Test(arguments: together)
    func aCertificateAndATokenMustBothBeGood(certified: Identity, token: String, node: String?, code: String?) throws {
        var harness = try CoreHarness.asking()
        let session = CoreHarness.session(1)
        harness.open(session, identity: certified)
        _ = harness.take(session)
        let role = node.map { #""role":"worker","node":"\#($0)","instance":"i""# } ?? #""role":"client""#
        let line = harness.send(#"{"op":"hello","proto":1,\#(role),"token":"\#(token)"}"#, from: session)[0]
        if let code {
            #expect(line.contains(#""code":"\#(code)""#), "\(line)")
            #expect(harness.closed == [session])
        } else {
            #expect(line.contains(#""ok""#), "\(line)")
        }
    }

    @Test func theAuditNamesWhoItWas() throws {
        var harness = try CoreHarness.asking { $0.isAudited = true }
        let session = CoreHarness.session(1)
        harness.open(session, peer: "192.0.2.1:5")
        _ = harness.send(Self.hello("client"), from: session)
        _ = harness.submit(from: session)
        let batch = harness.core.takeChanges()
        #expect(batch.events.map(\.actor) == ["client its-client 192.0.2.1:5"])
    }
}
