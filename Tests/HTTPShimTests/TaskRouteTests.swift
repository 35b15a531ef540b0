import HTTPTypes
import Testing

@testable import PodlingHTTP

@Suite struct TaskRouteTests {
    @Test func health() async throws {
        try await withShim(FakeDoor()) { client async throws in
            let answer = try await client.send(Call(.get, "/health"))
            #expect(answer.status == 200)
            #expect(
                answer.body
                    == #"{"status":"ok","now":"2026-11-23T22:31:07.123Z","server":"fake","tasks":{"pending":3}}"# + "\n"
            )
            #expect(answer.headers[.contentType] == "application/json")
        }
    }

    /// Alive is who answers; ready is who does its part; the leader is who takes writes.
    @Test(arguments: [
        ("", "ok", 200, 200), (#""standby":true,"leader":"h:1""#, "standby", 200, 503),
        (#""store":{"status":"ok"}"#, "ok", 200, 200),
        (#""store":{"status":"away","awaySeconds":7}"#, "degraded", 503, 503),
        (#""standby":true,"store":{"status":"away","awaySeconds":7}"#, "degraded", 503, 503),
        (#""draining":true"#, "draining", 503, 503),
    ])
    func probes(members: String, status: String, ready: Int, leader: Int) async throws {
        let comma = members.isEmpty ? "" : ","
        let door = FakeDoor(["ping": FakeDoor.ok(#"{"server":"fake"\#(comma)\#(members)}"#)])
        try await withShim(door) { client async throws in
            for (path, code) in [("/health", 200), ("/ready", ready), ("/leader", leader)] {
                let answer = try await client.send(Call(.get, path))
                #expect(answer.status == code, "\(path)")
                #expect(answer.body == #"{"status":"\#(status)","server":"fake"\#(comma)\#(members)}"# + "\n")
                #expect(answer.headers[.retryAfter] == (code == 503 ? "1" : nil))
            }
        }
    }

    @Test func submitPassesTheBytesOnBothWays() async throws {
        let door = FakeDoor()
        try await withShim(door) { client async throws in
            let body = " {\r\n  \"name\": \"hi\",\n\t\"env\": {\"A\": \"x\\ny\"},\n  \"image\" : \"busybox\"\n}\n"
            let answer = try await client.send(Call(.post, "/api/v1/tasks", body))
            #expect(answer.status == 201)
            #expect(answer.body == FakeDoor.task + "\n")
            #expect(answer.headers[.location] == "/api/v1/tasks/t1")
        }
        #expect(
            door.lines(op: "submit")
                == [#"{"op":"submit","name": "hi","env": {"A": "x\ny"},"image" : "busybox"}"#]
        )
    }

    @Test func aDuplicateIs200() async throws {
        let reply = #"{"re":null,"duplicate":true,"ok":"# + FakeDoor.task + "}"
        try await withShim(FakeDoor(["submit": reply])) { client async throws in
            #expect(try await client.send(Call(.post, "/api/v1/tasks", #"{"name":"a"}"#)).status == 200)
        }
    }

    @Test(arguments: [
        #"{"op":"cancel","name":"a"}"#, #"{"name":"a","id":7}"#, #"{"\u006fp":"drain"}"#, #"{"i\u0064":1}"#,
        #"{"name":"a","op":null}"#,
    ])
    func opAndIdCannotBeSmuggledIn(body: String) async throws {
        let door = FakeDoor()
        try await withShim(door) { client async throws in
            let answer = try await client.send(Call(.post, "/api/v1/tasks", body))
            #expect(answer.status == 400)
            #expect(answer.body.contains(#""code":"bad_request","field":""#))
        }
        #expect(door.lines.isEmpty)
    }

    @Test(arguments: [
        "", " ", "[]", "null", "{", "{}{}", "{}\n{\"op\":\"drain\"}",
        #"{"a":1,"a":2}"#, #"{"a":1,}"#, "{\"a\":\"x\ny\"}",
        #"{"a":"\ud800"}"#, #"{"a":01}"#, #"{"a":9007199254740993}"#, "name=hi",
        String(repeating: #"{"a":"#, count: 33) + "1" + String(repeating: "}", count: 33),
    ])
    func whatIsNotOneObjectIsRefused(body: String) async throws {
        let door = FakeDoor()
        try await withShim(door) { client async throws in
            let answer = try await client.send(Call(.post, "/api/v1/tasks", body))
            #expect(answer.status == 400)
            #expect(answer.body.contains(#""code":"bad_json""#))
        }
        #expect(door.lines.isEmpty)
    }

    @Test(arguments: [
        Call(.get, "/api/v1/tasks/t1"), Call(.delete, "/api/v1/tasks/t1"), Call(.post, "/api/v1/tasks/t1/cancel"),
        Call(.post, "/api/v1/tasks/t1/cancel", #"{"error":"why"}"#),
    ])
    func oneTask(call: Call) async throws {
        let door = FakeDoor()
        try await withShim(door) { client async throws in
            let answer = try await client.send(call)
            #expect(answer.status == 200)
            #expect(answer.body == FakeDoor.task + "\n")
        }
        let because = call.body == nil ? "" : #","error":"why""#
        let op = call.method == .get ? "get" : "cancel"
        #expect(door.lines.last == #"{"op":"\#(op)","taskId":"t1"\#(because)}"#)
    }

    /// Real sockets: these depend on what is left unread and on what HEAD leaves out.
    @Test func headHasNoBody() async throws {
        try await withShim(FakeDoor()) { client async throws in
            for uri in ["/health", "/api/v1/tasks", "/api/v1/tasks?limit=1", "/api/v1/tasks/t1", "/api/v1/nodes"] {
                let answer = try await client.send(Call(.head, uri))
                #expect(answer.status == 200)
                #expect(answer.body.isEmpty)
                #expect(answer.headers[.contentType] == "application/json")
            }
            let answer = try await client.send(Call(.head, "/api/v1/tasks/%FF"))
            #expect(answer.status == 400)
            #expect(answer.body.isEmpty)
        }
    }

    @Test(arguments: [true, false])
    func oversizedBodies(isAnnounced: Bool) async throws {
        var configuration = HTTPShimConfiguration(port: 0)
        configuration.bodyBytesMax = 100_000
        let door = FakeDoor()
        try await withShim(door, configuration: configuration) { client async throws in
            let fits = #"{"name":"\#(String(repeating: "a", count: 100_000 - 11))"}"#
            #expect(try await client.send(Call(.post, "/api/v1/tasks", fits)).status == 201)
            var call = Call(.post, "/api/v1/tasks", fits + " ")
            if !isAnnounced { call.headers[.transferEncoding] = "chunked" }
            let answer = try await client.send(call)
            #expect(answer.status == 413)
            #expect(answer.headers[.connection] == "close")
            #expect(answer.body.contains("payload_too_large"))
        }
        #expect(door.lines(op: "submit").count == 1)
    }
}
