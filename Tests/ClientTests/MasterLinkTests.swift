import PodlingClient
import Testing

private let task = #"{"taskId":"t1","status":"completed","attempt":1}"#

@Suite(.timeLimit(.minutes(1)))
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
}
