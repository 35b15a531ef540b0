import HTTPTypes
import Hummingbird
import PodlingMaster
import Synchronization
import Testing

@testable import PodlingHTTP

/// Whatever comes at once, no connection through the door is lost: all that were opened are closed in the end.
@Suite(.timeLimit(.minutes(5))) struct DoorPoolTests {
    /// Lets through only once so many have come.
    private final class Gate: Sendable {
        private struct State {
            var count = 0
            var waiting: [CheckedContinuation<Void, Never>] = []
        }

        private let countWanted: Int
        private let state = Mutex(State())

        init(_ countWanted: Int) { self.countWanted = countWanted }

        func pass() async {
            await withCheckedContinuation { continuation in
                let released = state.withLock { state in
                    state.count += 1
                    state.waiting.append(continuation)
                    guard state.count >= countWanted else { return [CheckedContinuation<Void, Never>]() }
                    defer { state.waiting = [] }
                    return state.waiting
                }
                for each in released { each.resume() }
            }
        }

        var count: Int { state.withLock { $0.count } }
    }

    private static func caller(_ token: String) throws -> HTTPCaller {
        let head = HTTPRequest(
            method: .get,
            scheme: nil,
            authority: nil,
            path: "/",
            headerFields: [.authorization: "Bearer \(token)"]
        )
        return try HTTPCaller(Request(head: head, body: RequestBody(buffer: .init())), certificate: nil)
    }

    @Test func twoRequestsOfANewCallerAtOnceShareItsConnections() async throws {
        for _ in 0..<50 {
            let gate = Gate(2)
            let door = FakeDoor(answers: [
                "hello": { line in
                    if line.contains("\"newcomer\"") { await gate.pass() }
                    return FakeDoor.ok(#"{"proto":1,"epoch":"e","session":1}"#)
                }
            ])
            let pools = DoorPools(exchange: DoorExchange(door: door, timeoutSeconds: 30), sessionsMax: 1)
            for number in 0..<64 { _ = try await pools.pool(of: Self.caller("t\(number)"), from: DoorPeer()) }
            let newcomer = try Self.caller("newcomer")
            async let first = pools.pool(of: newcomer, from: DoorPeer())
            async let second = pools.pool(of: newcomer, from: DoorPeer())
            let (one, other) = try await (first, second)
            #expect(one === other)
            await pools.close()
            await Self.allAreClosed(door)
        }
    }

    /// One that is given up with an unanswered request does not take the node's next connection along.
    @Test func aNodesOldConnectionEndsWithoutTheNewOne() async throws {
        let (isAsked, isOver) = (Gate(2), Gate(2))
        let door = FakeDoor(answers: [
            "heartbeat": { _ in
                await isAsked.pass()
                await isOver.pass()
                throw FakeDoor.Closed()
            }
        ])
        let table = HTTPNodeTable(exchange: DoorExchange(door: door, timeoutSeconds: 30), nodesMax: 10)
        let (first, second) = (try Self.caller("one"), try Self.caller("two"))
        let register = Array(#"{"op":"register"}"#.utf8)
        _ = try await table.register(nodeId: "n1", line: register, by: first, from: DoorPeer())
        async let beat = table.request(
            Array(#"{"op":"heartbeat"}"#.utf8),
            nodeId: "n1",
            by: first,
            from: DoorPeer()
        )
        await isAsked.pass()
        _ = try await table.register(nodeId: "n1", line: register, by: second, from: DoorPeer())
        await isOver.pass()
        do {
            _ = try await beat
            Issue.record("the heartbeat was answered")
        } catch is HTTPProblem {}
        #expect(await table.speaks(second, for: "n1"))
        await table.close()
        await Self.allAreClosed(door)
    }

    private static func allAreClosed(_ door: FakeDoor) async {
        // What retires is closed by tasks of their own.
        for _ in 0..<10_000 where door.closedCount < door.openCount { await Task.yield() }
        #expect(door.closedCount == door.openCount)
    }
}
