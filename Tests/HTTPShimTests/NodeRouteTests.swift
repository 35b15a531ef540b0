import HTTPTypes
import PodlingMaster
import PodlingProtocol
import Testing

@testable import PodlingHTTP

@Suite struct NodeRouteTests {
    private static let register = Call(
        .post,
        "/api/v1/nodes/register",
        #"{"nodeId":"n1","hostname":"h","port":9,"capacity":4,"status":"online","labels":{"a":"b"},"cpu":null}"#
    )

    @Test func registerAndHeartbeat() async throws {
        let door = FakeDoor([
            "heartbeat": FakeDoor.ok(
                #"{"lease_ms":15000,"heartbeat_ms":5000,"quiet":true,"kill":[{"taskId":"t1","attempt":1,"code":"cancelled"}]}"#
            )
        ])
        try await withShim(door) { client async throws in
            let registered = try await client.send(Self.register)
            #expect(registered.status == 201)
            #expect(registered.body == #"{"nodeId":"n1","heartbeatMs":5000,"leaseMs":15000}"# + "\n")
            let beat = try await client.send(Call(.post, "/api/v1/nodes/n1/heartbeat", "{}"))
            #expect(beat.status == 200)
            #expect(
                beat.body
                    == #"{"nodeId":"n1","heartbeatMs":5000,"leaseMs":15000,"draining":true,"#
                    + #""kill":[{"taskId":"t1","attempt":1,"code":"cancelled"}]}"# + "\n"
            )
            #expect(try await client.send(Call(.post, "/api/v1/nodes/n2/heartbeat")).status == 404)
        }
        #expect(door.lines(op: "hello").first?.contains(#""role":"worker","agent":"podling-http","node":"n1""#) == true)
        #expect(door.lines(op: "register") == [#"{"op":"register","slots":4,"hostname":"h","labels":{"a":"b"}}"#])
        #expect(door.openCount == 1)
    }

    @Test func anIdIsMadeUp() async throws {
        try await withShim(FakeDoor()) { client async throws in
            let answer = try await client.send(Call(.post, "/api/v1/nodes/register", #"{"capacity":1,"nodeId":null}"#))
            let nodeId = try JSONReader.read(Array(answer.body.utf8)) { $0["nodeId"]?.string() ?? "" }
            try Identifier.checkNode(nodeId)
            #expect(try await client.send(Call(.post, "/api/v1/nodes/\(nodeId)/heartbeat")).status == 200)
        }
    }

    @Test(arguments: [
        (#"{}"#, "capacity"), (#"{"capacity":"4"}"#, "capacity"), (#"{"capacity":1.5}"#, "capacity"),
        (#"{"capacity":1,"port":70000}"#, "port"), (#"{"capacity":1,"nodeId":7}"#, "nodeId"),
        (#"{"capacity":1,"nodeId":"a b"}"#, "nodeId"),
    ])
    func badRegistrations(body: String, field: String) async throws {
        let door = FakeDoor()
        try await withShim(door) { client async throws in
            let answer = try await client.send(Call(.post, "/api/v1/nodes/register", body))
            #expect(answer.status == 400)
            #expect(answer.body.contains(#""field":"\#(field)""#))
        }
        #expect(door.openCount == 0)
    }

    @Test func aRefusedRegistrationLeavesNothing() async throws {
        let door = FakeDoor(["register": FakeDoor.err("bad_request", #","field":"slots""#)])
        try await withShim(door) { client async throws in
            let answer = try await client.send(Self.register)
            #expect(answer.status == 400)
            #expect(answer.body.contains(#""field":"capacity""#))
            #expect(try await client.send(Call(.post, "/api/v1/nodes/n1/heartbeat")).status == 404)
        }
        #expect(door.closedCount == 1)
    }

    @Test func reRegistrationKeepsTheConnection() async throws {
        let door = FakeDoor()
        try await withShim(door) { client async throws in
            for _ in 0..<3 { #expect(try await client.send(Self.register).status == 201) }
        }
        #expect(door.openCount == 1)
        #expect(door.lines(op: "register").count == 3)
    }

    @Test func theTableIsBounded() async throws {
        var configuration = HTTPShimConfiguration(port: 0)
        configuration.nodesMax = 2
        try await withShim(FakeDoor(), configuration: configuration) { client async throws in
            for (name, status) in [("a", 201), ("b", 201), ("c", 503), ("a", 201)] {
                let body = #"{"nodeId":"\#(name)","capacity":1}"#
                #expect(try await client.send(Call(.post, "/api/v1/nodes/register", body)).status == status)
            }
        }
    }

    @Test func silentNodesAreForgotten() async throws {
        let door = FakeDoor()
        let table = HTTPNodeTable(exchange: DoorExchange(door: door, timeoutSeconds: 60), nodesMax: 10)
        _ = try await table.register(
            nodeId: "n1",
            line: Array(#"{"op":"register","slots":1}"#.utf8),
            by: .nobody,
            from: DoorPeer()
        )
        await table.expire(now: .now + .milliseconds(29_000))
        let beat = Array(#"{"op":"heartbeat"}"#.utf8)
        #expect(try await table.request(beat, nodeId: "n1", by: .nobody, from: DoorPeer()) != nil)
        await table.expire(now: .now + .milliseconds(30_500))
        #expect(try await table.request(beat, nodeId: "n1", by: .nobody, from: DoorPeer()) == nil)
        #expect(door.closedCount == 1)
    }

    @Test func aNodeWhoseConnectionEndedHasToRegister() async throws {
        let door = FakeDoor(answers: ["heartbeat": { _ in throw FakeDoor.Closed() }])
        try await withShim(door) { client async throws in
            _ = try await client.send(Self.register)
            #expect(try await client.send(Call(.post, "/api/v1/nodes/n1/heartbeat")).status == 503)
            #expect(try await client.send(Call(.post, "/api/v1/nodes/n1/heartbeat")).status == 404)
            #expect(try await client.send(Self.register).status == 201)
        }
        #expect(door.openCount == 2)
    }

    @Test(arguments: [
        (#"{"status":"running","containerId":"c","error":null}"#, 2, #""status":"running","containerId":"c""#),
        (#"{"attempt":1,"status":"completed","exitCode":0}"#, 1, #""status":"completed","exitCode":0"#),
        ("{\n \"nodeId\": \"n1\",\n \"status\": \"failed\"\n}", 2, #""status": "failed""#),
    ])
    func reports(body: String, attempt: Int, rest: String) async throws {
        let door = FakeDoor()
        try await withShim(door) { client async throws in
            _ = try await client.send(Self.register)
            let answer = try await client.send(Call(.put, "/api/v1/tasks/t1/status", body))
            #expect(answer.status == 200)
            #expect(answer.body == FakeDoor.task + "\n")
        }
        #expect(door.lines(op: "status") == [#"{"op":"status","taskId":"t1","attempt":\#(attempt),\#(rest)}"#])
    }

    @Test(arguments: [
        (#"{"status":"running","nodeId":"n9"}"#, FakeDoor.task, "stale_attempt"),
        (#"{"status":"running"}"#, #"{"taskId":"t1","status":"pending","attempt":0}"#, "conflict"),
        (#"{"status":"running"}"#, #"{"taskId":"t1","status":"running","attempt":1,"nodeId":"tcp"}"#, "conflict"),
    ])
    func reportsThatContradict(body: String, task: String, code: String) async throws {
        let door = FakeDoor(["get": FakeDoor.ok(task)])
        try await withShim(door) { client async throws in
            _ = try await client.send(Self.register)
            let answer = try await client.send(Call(.put, "/api/v1/tasks/t1/status", body))
            #expect(answer.status == 409)
            #expect(answer.body.contains(#""code":"\#(code)""#))
        }
        #expect(door.lines(op: "status").isEmpty)
    }

    @Test(arguments: ["0", "-1", "1.5", #""1""#, "true"])
    func badAttempts(attempt: String) async throws {
        try await withShim(FakeDoor()) { client async throws in
            _ = try await client.send(Self.register)
            let body = #"{"status":"running","attempt":\#(attempt)}"#
            #expect(try await client.send(Call(.put, "/api/v1/tasks/t1/status", body)).status == 400)
        }
    }
}
