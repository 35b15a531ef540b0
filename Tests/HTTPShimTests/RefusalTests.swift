import HTTPTypes
import Testing

@testable import PodlingHTTP

/// What is refused before the master is asked, and how the master's own refusals come out.
@Suite struct RefusalTests {
    @Test(arguments: [
        (Call(.get, "/"), 404, "not_found"),
        (Call(.get, "/api/v1/task"), 404, "not_found"),
        (Call(.get, "/api/v1/tasks/%FF"), 400, "bad_request"),
        (Call(.get, "/api/v1/tasks/a%2"), 400, "bad_request"),
        (Call(.delete, "/api/v1/tasks/%00"), 400, "bad_request"),
        (Call(.post, "/api/v1/tasks/%g1/cancel"), 400, "bad_request"),
        (Call(.put, "/api/v1/tasks/%C3/status", #"{"status":"running"}"#), 400, "bad_request"),
        (Call(.post, "/api/v1/nodes/a@b/heartbeat"), 400, "bad_request"),
        (Call(.get, "/api/v1/tasks?stauts=running"), 400, "bad_request"),
        (Call(.get, "/api/v1/tasks?status"), 400, "bad_request"),
        (Call(.get, "/api/v1/tasks?limit=1&limit=2"), 400, "bad_request"),
        (Call(.get, "/api/v1/tasks?limit=0"), 400, "bad_request"),
        (Call(.get, "/api/v1/tasks?limit=1001"), 400, "bad_request"),
        (Call(.get, "/api/v1/tasks?limit=+5"), 400, "bad_request"),
        (Call(.get, "/api/v1/tasks?limit=99999999999999999999"), 400, "bad_request"),
        (Call(.get, "/api/v1/tasks?nodeId=a%20b"), 400, "bad_request"),
        (Call(.get, "/api/v1/nodes?limit=5"), 400, "bad_request"),
        (Call(.get, "/health?x=1"), 400, "bad_request"),
        (Call(.post, "/api/v1/tasks?limit=5", "{}"), 400, "bad_request"),
        (Call(.post, "/api/v1/tasks", "{}", headers: [:]), 415, "unsupported_media_type"),
        (
            Call(.post, "/api/v1/tasks", "{}", headers: [.contentType: "application/x-www-form-urlencoded"]), 415,
            "unsupported_media_type"
        ),
        (Call(.post, "/api/v1/tasks", "{}", headers: [.contentType: "text/plain"]), 415, "unsupported_media_type"),
        (Call(.post, "/api/v1/tasks"), 415, "unsupported_media_type"),
        (Call(.put, "/api/v1/tasks/t1/status", "{}", headers: [:]), 415, "unsupported_media_type"),
        (Call(.post, "/api/v1/tasks/t1/cancel", "{}", headers: [:]), 415, "unsupported_media_type"),
        (Call(.post, "/api/v1/nodes/n1/heartbeat", "{}", headers: [:]), 415, "unsupported_media_type"),
        (Call(.post, "/api/v1/nodes/register", "{}", headers: [:]), 415, "unsupported_media_type"),
        (Call(.post, "/api/v1/tasks/t1/cancel", headers: [.origin: "http://evil.example"]), 403, "forbidden"),
        (Call(.delete, "/api/v1/tasks/t1", headers: [.origin: "null"]), 403, "forbidden"),
    ])
    func beforeTheMaster(call: Call, status: Int, code: String) async throws {
        let door = FakeDoor()
        try await withShim(door) { client async throws in
            let answer = try await client.send(call)
            #expect(answer.status == status)
            #expect(answer.body.hasPrefix(#"{"error":""#))
            #expect(answer.body.contains(#""code":"\#(code)""#))
            #expect(answer.headers[.contentType] == "application/json")
        }
        #expect(door.lines.isEmpty)
    }

    @Test func theRefusalOfAFormShowsTheFlag() async throws {
        try await withShim(FakeDoor()) { client async throws in
            let answer = try await client.send(Call(.post, "/api/v1/tasks", "{}", headers: [:]))
            #expect(answer.body.contains("-H 'Content-Type: application/json'"))
        }
    }

    @Test(arguments: ["application/json", "Application/JSON; charset=utf-8", "application/json ;x=y"])
    func jsonTypes(type: String) async throws {
        try await withShim(FakeDoor()) { client async throws in
            let call = Call(.post, "/api/v1/tasks", "{}", headers: [.contentType: type])
            #expect(try await client.send(call).status == 201)
        }
    }

    @Test(arguments: [
        (Call(.post, "/health", "{}"), "GET, HEAD"),
        (Call(.put, "/api/v1/tasks", "{}"), "GET, HEAD, POST"),
        (Call(.post, "/api/v1/tasks/t1", "{}"), "GET, HEAD, DELETE"),
        (Call(.get, "/api/v1/tasks/t1/cancel"), "POST"),
        (Call(.get, "/api/v1/tasks/t1/status"), "PUT"),
        (Call(.delete, "/api/v1/nodes"), "GET, HEAD"),
        (Call(.get, "/api/v1/nodes/register"), "POST"),
        (Call(.put, "/api/v1/nodes/n1/heartbeat"), "POST"),
        (Call(.options, "/api/v1/tasks"), "GET, HEAD, POST"),
        (Call(.trace, "/api/v1/nodes"), "GET, HEAD"),
    ])
    func methods(call: Call, allow: String) async throws {
        try await withShim(FakeDoor()) { client async throws in
            let answer = try await client.send(call)
            #expect(answer.status == 405)
            #expect(answer.headers[.allow] == allow)
            #expect(answer.body.contains("method_not_allowed"))
        }
    }

    @Test(arguments: [
        ("bad_json", 400), ("bad_request", 400), ("cursor_expired", 400), ("not_found", 404), ("conflict", 409),
        ("stale_attempt", 409), ("unregistered", 409), ("overloaded", 503), ("draining", 503), ("unavailable", 503),
        ("internal", 500), ("something_new", 500),
    ])
    func theMastersCodes(code: String, status: Int) async throws {
        let door = FakeDoor(["submit": FakeDoor.err(code, #","field":"env.A","retry_after_ms":2500"#)])
        try await withShim(door) { client async throws in
            let answer = try await client.send(Call(.post, "/api/v1/tasks", "{}"))
            #expect(answer.status == status)
            #expect(answer.body == #"{"error":"because","code":"\#(code)","field":"env.A"}"# + "\n")
            #expect(answer.headers[.retryAfter] == (status == 503 ? "3" : nil))
        }
    }

    @Test(arguments: ["", "{}", "nonsense", #"{"re":null,"ok":[]}"#])
    func aReplyThatIsNone(reply: String) async throws {
        try await withShim(FakeDoor(["get": reply])) { client async throws in
            #expect(try await client.send(Call(.get, "/api/v1/tasks/t1")).status == 500)
        }
    }

    @Test func aStandbyNamesTheLeader() async throws {
        let refusal = FakeDoor.err("not_leader", #","leader":"host-1:7070""#)
        try await withShim(FakeDoor(["submit": refusal])) { client async throws in
            let answer = try await client.send(Call(.post, "/api/v1/tasks", #"{"name":"a"}"#))
            #expect(answer.status == 503)
            #expect(answer.body == #"{"error":"because","code":"not_leader","leader":"host-1:7070"}"# + "\n")
        }
    }

    @Test func theMasterIsAway() async throws {
        let door = FakeDoor()
        door.refuseToOpen()
        try await withShim(door) { client async throws in
            let answer = try await client.send(Call(.get, "/health"))
            #expect(answer.status == 503)
            #expect(answer.headers[.retryAfter] == "1")
        }
    }

    @Test func aConnectionThatEndsIsReplaced() async throws {
        let door = FakeDoor(answers: ["get": { _ in throw FakeDoor.Closed() }])
        var configuration = HTTPShimConfiguration(port: 0)
        configuration.doorSessionsMax = 1
        try await withShim(door, configuration: configuration) { client async throws in
            #expect(try await client.send(Call(.get, "/api/v1/tasks/t1")).status == 503)
            #expect(try await client.send(Call(.get, "/health")).status == 200)
            #expect(door.closedCount == 1)
        }
        #expect(door.openCount == 2)
        #expect(door.closedCount == 2)
    }

    @Test func aMasterThatDoesNotAnswerIsNotWaitedFor() async throws {
        let door = FakeDoor(answers: [
            "get": { _ in
                try await Task.sleep(for: .seconds(3600))
                return ""
            }
        ])
        var configuration = HTTPShimConfiguration(port: 0)
        configuration.requestTimeoutSeconds = 1
        try await withShim(door, configuration: configuration) { client async throws in
            #expect(try await client.send(Call(.get, "/api/v1/tasks/t1")).status == 503)
        }
    }
}
