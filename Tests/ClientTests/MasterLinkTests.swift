import PodlingClient
import Testing

private let task = #"{"taskId":"t1","status":"completed","attempt":1}"#

@Suite(.timeLimit(.minutes(5)))
struct MasterLinkTests {
    @Test func whatWasLostIsAskedAgainOnANewConnection() async throws {
        let master = try await FakeMaster.start { request in
            request.connection < 2 ? [.close] : [request.ok(task)]
        }
        let link = MasterLink(addresses: [master.address])
        #expect(try await link.perform { try await $0.get(taskId: "t1") }.status == "completed")
        #expect(master.requests.filter { $0.op == "get" }.map(\.connection) == [0, 1, 2])
    }

    @Test func theFirstConnectionIsTriedOnce() async throws {
        let gone = try await FakeMaster.start { _ in [] }
        await gone.stop()
        let link = MasterLink(addresses: [gone.address])
        await #expect(throws: ClientError.self) { try await link.perform { try await $0.ping() } }
    }

    @Test func tryingEndsWhenItsTimeIsOver() async throws {
        let master = try await FakeMaster.start { request in [request.error("overloaded", retryable: true)] }
        let link = MasterLink(addresses: [master.address], retrySeconds: 0)
        let error = await #expect(throws: PodlingError.self) { try await link.perform { try await $0.ping() } }
        #expect(error?.code == "overloaded")
    }

    @Test func aMasterThatAlwaysHangsUpIsGivenUp() async throws {
        let master = try await FakeMaster.start { _ in [.close] }
        let link = MasterLink(addresses: [master.address], retrySeconds: 1)
        let error = await #expect(throws: ClientError.self) { try await link.perform { try await $0.ping() } }
        #expect(error == .connectionLost(.closedByPeer))
    }

    @Test func aRefusalThatMayPassIsTriedAgain() async throws {
        let master = try await FakeMaster.start { request in
            request.int("id").map { $0 < 4 } == true ? [request.error("draining", retryable: true)] : [request.ok(task)]
        }
        let link = MasterLink(addresses: [master.address])
        #expect(try await link.perform { try await $0.get(taskId: "t1") }.taskId == "t1")
        #expect(master.requests.allSatisfy { $0.connection == 0 })
    }

    @Test func aFinalRefusalIsNotTriedAgain() async throws {
        let master = try await FakeMaster.start { request in [request.error("not_found")] }
        let link = MasterLink(addresses: [master.address])
        await #expect(throws: PodlingError.self) { try await link.perform { try await $0.get(taskId: "t1") } }
        #expect(master.requests.count == 2)
    }

    private static func standbyGreeting(_ leader: MasterAddress?) -> String {
        let leader = leader.map { #","leader":"\#($0)""# } ?? ""
        return FakeMaster.greeting.dropLast() + #","standby":true\#(leader)}"#
    }

    private static func standby(_ leader: MasterAddress?) async throws -> FakeMaster {
        try await FakeMaster.start(greeting: standbyGreeting(leader)) { request in
            request.op == "ping" || request.op == "get"
                ? [request.ok(task)] : [request.error("not_leader", retryable: true)]
        }
    }

    @Test func standbysArePassedBy() async throws {
        let leader = try await FakeMaster.start { request in [request.ok(task)] }
        let standbys = [try await Self.standby(nil), try await Self.standby(nil)]
        let link = MasterLink(addresses: standbys.map(\.address) + [leader.address])
        #expect(try await link.perform { try await $0.cancel(taskId: "t1") }.taskId == "t1")
    }

    @Test func theLeaderThatAStandbyNamesIsFollowed() async throws {
        let leader = try await FakeMaster.start { request in [request.ok(task)] }
        let standby = try await Self.standby(leader.address)
        let link = MasterLink(addresses: [standby.address])
        let address = try await link.perform {
            _ = try await $0.cancel(taskId: "t1")
            return $0.address
        }
        #expect(address == leader.address)
    }

    @Test func aMasterThatLeadsNoMoreIsLeftForTheNext() async throws {
        let next = try await FakeMaster.start { request in [request.ok(task)] }
        let old = try await FakeMaster.start { request in
            request.op == "hello" ? [request.ok("{}")] : [request.error("not_leader", retryable: true), .close]
        }
        let link = MasterLink(addresses: [old.address, next.address])
        let first = Task { try await link.perform { try await $0.cancel(taskId: "t1") } }
        // It leads for as long as it greets as a leader; then it is closed.
        while old.requests.count < 2 { await Task.yield() }
        await old.stop()
        #expect(try await first.value.taskId == "t1")
    }

    /// A master that shuts down is left for the next at once, and is not connected to first.
    @Test func whoGoesDownIsLeftForTheNextAtOnce() async throws {
        let next = try await FakeMaster.start { request in [request.ok(task)] }
        let old = try await FakeMaster.start { request in
            request.op == "hello"
                ? [request.ok("{}")] : [.send(#"{"ev":"drain","deadline_ms":5,"reconnect_ms":[50000,60000]}"#), .close]
        }
        let link = MasterLink(addresses: [old.address, next.address])
        #expect(try await link.perform { try await $0.get(taskId: "t1") }.taskId == "t1")
        #expect(old.requests.count { $0.op == "hello" } == 1)
    }

    @Test func readersTakeAStandbyWhereNoneLeads() async throws {
        let gone = try await FakeMaster.start { _ in [] }
        await gone.stop()
        let standby = try await Self.standby(gone.address)
        var options = PodlingClient.Options()
        options.choice = .leaderOrStandby
        let link = MasterLink(addresses: [gone.address, standby.address], options: options)
        #expect(try await link.perform { try await $0.get(taskId: "t1") }.taskId == "t1")
    }

    @Test func writersWaitForALeaderWithinTheirTime() async throws {
        let standby = try await Self.standby(nil)
        let link = MasterLink(addresses: [standby.address], retrySeconds: 1)
        let error = await #expect(throws: ClientError.self) {
            try await link.perform { try await $0.cancel(taskId: "t1") }
        }
        #expect(error == .noLeader(["\(standby.address) stands by"]))
    }
}
