import HTTPTypes
import PodlingProtocol
import Testing

@testable import PodlingHTTP

/// The shim before the real core.
@Suite struct WholeWayTests {
    @Test func aTaskOnAnHTTPWorker() async throws {
        try await withShim(CoreDoor()) { client async throws in
            let registration = #"{"nodeId":"edge-1","hostname":"h","port":9000,"capacity":1}"#
            #expect(try await client.send(Call(.post, "/api/v1/nodes/register", registration)).status == 201)
            let spec = "{\n  \"name\": \"hi\",\n  \"image\": \"busybox\",\n  \"command\": [\"echo\", \"hi\"]\n}\n"
            let submitted = try await client.send(Call(.post, "/api/v1/tasks", spec))
            #expect(submitted.status == 201)
            let taskId = try member("taskId", of: submitted)
            #expect(submitted.headers[.location] == "/api/v1/tasks/\(taskId)")

            let found = try await client.send(Call(.get, "/api/v1/tasks?nodeId=edge-1&status=scheduled"))
            #expect(found.body.contains(taskId))
            for (report, status) in [
                (#"{"status":"scheduled","detail":"pulling busybox","attempt":1}"#, "scheduled"),
                (#"{"status":"running","containerId":"c1"}"#, "running"),
                (#"{"status":"completed","exitCode":0,"error":null}"#, "completed"),
                (#"{"status":"running"}"#, "completed"),
            ] {
                let answer = try await client.send(Call(.put, "/api/v1/tasks/\(taskId)/status", report))
                #expect(answer.status == 200)
                #expect(try member("status", of: answer) == status)
            }
            let wrong = #"{"status":"completed","exitCode":3}"#
            #expect(try await client.send(Call(.put, "/api/v1/tasks/\(taskId)/status", wrong)).status == 400)
            let one = try await client.send(Call(.get, "/api/v1/tasks/\(taskId)"))
            let all = try await client.send(Call(.get, "/api/v1/tasks"))
            #expect(all.body == "[" + one.body.dropLast() + "]\n")
            let beat = try await client.send(Call(.post, "/api/v1/nodes/edge-1/heartbeat", #"{"runningTasks":0}"#))
            #expect(beat.body == #"{"nodeId":"edge-1","heartbeatMs":5000,"leaseMs":15000}"# + "\n")
            let nodes = try await client.send(Call(.get, "/api/v1/nodes"))
            #expect(nodes.body.hasPrefix(#"[{"nodeId":"edge-1""#))
        }
    }

    @Test func cancelAndDuplicates() async throws {
        try await withShim(CoreDoor()) { client async throws in
            let spec = #"{"name":"a","image":"b","idempotencyKey":"k"}"#
            let first = try await client.send(Call(.post, "/api/v1/tasks", spec))
            let again = try await client.send(Call(.post, "/api/v1/tasks", spec))
            #expect((first.status, again.status) == (201, 200))
            #expect(first.body == again.body)
            let other = spec.replacing("\"b\"", with: "\"c\"")
            #expect(try await client.send(Call(.post, "/api/v1/tasks", other)).status == 409)
            let taskId = try member("taskId", of: first)
            let cancelled = try await client.send(Call(.delete, "/api/v1/tasks/\(taskId)"))
            #expect(try member("status", of: cancelled) == "cancelled")
            let late = try await client.send(Call(.put, "/api/v1/tasks/\(taskId)/status", #"{"status":"running"}"#))
            #expect(late.status == 409)
        }
    }

    @Test(arguments: [
        (Call(.get, "/api/v1/tasks/t404"), 404, "not_found"),
        (Call(.delete, "/api/v1/tasks/t404"), 404, "not_found"),
        (Call(.post, "/api/v1/tasks", "{}"), 400, "bad_request"),
        (Call(.post, "/api/v1/tasks", #"{"name":"a","image":"b","comand":[]}"#), 400, "bad_request"),
        (Call(.get, "/api/v1/tasks?status=done"), 400, "bad_request"),
        (Call(.get, "/api/v1/tasks?cursor=nonsense"), 400, "bad_request"),
        (Call(.post, "/api/v1/nodes/register", #"{"capacity":0}"#), 400, "bad_request"),
        (Call(.post, "/api/v1/nodes/register", #"{"capacity":1,"labels":[]}"#), 400, "bad_request"),
    ])
    func refusals(call: Call, status: Int, code: String) async throws {
        try await withShim(CoreDoor()) { client async throws in
            let answer = try await client.send(call)
            #expect(answer.status == status)
            #expect(answer.body.contains(#""code":"\#(code)""#))
        }
    }

    private func member(_ name: StaticString, of answer: Answer) throws -> String {
        try JSONReader.read(Array(answer.body.utf8)) { $0[name]?.string() ?? "" }
    }
}
