import HTTPTypes
import PodlingAccess
import PodlingMaster
import PodlingProtocol
import Testing

@testable import PodlingHTTP

/// Who may do what over HTTP, before the real core.
@Suite struct TokenTests {
    private static func tokens(without revoked: String? = nil) throws -> TokenTable {
        let all: [(String, Role, String?)] = [
            ("client", .client, nil), ("reader", .reader, nil), ("admin", .admin, nil), ("n1", .worker, "n1"),
            ("n2", .worker, "n2"), ("fleet", .worker, nil), ("n1-new", .worker, "n1"),
        ]
        return try TokenTable(
            all.filter { $0.0 != revoked }.map {
                try TokenRecord(name: $0.0, role: $0.1, node: $0.2, digest: Token.digest(of: $0.0), createdAt: 0)
            }
        )
    }

    private static func call(
        _ token: String?,
        _ method: HTTPRequest.Method,
        _ uri: String,
        _ body: String? = nil
    )
        -> Call
    {
        var headers: HTTPFields = body == nil ? [:] : [.contentType: "application/json"]
        if let token { headers[.authorization] = "Bearer \(token)" }
        return Call(method, uri, body, headers: headers)
    }

    private static let spec = #"{"name":"a","image":"b"}"#
    private static let node1 = #"{"nodeId":"n1","capacity":2}"#

    /// Method, path, body, and the status for each token; `T` is a task of node `n1`.
    static let matrix: [(HTTPRequest.Method, String, String?, [String: Int])] = [
        (.get, "/health", nil, ["": 200, "wrong": 200, "reader": 200, "client": 200, "admin": 200, "n1": 200]),
        (
            .get, "/api/v1/tasks", nil,
            ["": 401, "wrong": 401, "reader": 200, "client": 200, "admin": 200, "n1": 403, "n2": 403]
        ),
        (
            .get, "/api/v1/tasks?limit=1", nil,
            ["": 401, "wrong": 401, "reader": 200, "client": 200, "admin": 200, "n1": 403, "n2": 403]
        ),
        (
            .get, "/api/v1/tasks/T", nil,
            ["": 401, "wrong": 401, "reader": 200, "client": 200, "admin": 200, "n1": 200, "n2": 403]
        ),
        (.head, "/api/v1/tasks/T", nil, ["": 401, "wrong": 401, "reader": 200, "n2": 403]),
        (
            .get, "/api/v1/nodes", nil,
            ["": 401, "wrong": 401, "reader": 200, "client": 200, "admin": 200, "n1": 403, "n2": 403]
        ),
        (
            .post, "/api/v1/tasks", spec,
            ["": 401, "wrong": 401, "reader": 403, "client": 201, "admin": 201, "n1": 403, "n2": 403]
        ),
        (
            .post, "/api/v1/tasks/T/cancel", nil,
            ["": 401, "wrong": 401, "reader": 403, "client": 200, "admin": 200, "n1": 403, "n2": 403]
        ),
        (
            .delete, "/api/v1/tasks/T", nil,
            ["": 401, "wrong": 401, "reader": 403, "client": 200, "admin": 200, "n1": 403, "n2": 403]
        ),
        (
            .post, "/api/v1/nodes/register", node1,
            [
                "": 401, "wrong": 401, "reader": 403, "client": 403, "admin": 403, "n1": 201, "n2": 403, "fleet": 201,
                "n1-new": 201,
            ]
        ),
        (
            .post, "/api/v1/nodes/n1/heartbeat", nil,
            [
                "": 401, "wrong": 401, "reader": 403, "client": 403, "admin": 403, "n1": 200, "n2": 403, "fleet": 200,
                "n1-new": 200,
            ]
        ),
        (
            .post, "/api/v1/nodes/n9/heartbeat", nil,
            ["": 401, "wrong": 401, "reader": 403, "n1": 403, "fleet": 404]
        ),
        (
            .put, "/api/v1/tasks/T/status", #"{"status":"running"}"#,
            ["": 401, "wrong": 401, "reader": 403, "client": 403, "admin": 403, "n1": 200, "n2": 409]
        ),
        (
            .put, "/api/v1/tasks/T/status", #"{"status":"running","nodeId":"n1"}"#,
            [
                "": 401, "wrong": 401, "reader": 403, "client": 403, "admin": 403, "n1": 200, "n2": 403, "fleet": 200,
                "n1-new": 200,
            ]
        ),
        // What a worker over HTTP asks for: its own.
        (
            .get, "/api/v1/tasks?nodeId=n1&status=scheduled", nil,
            ["": 401, "wrong": 401, "reader": 200, "n1": 200, "n2": 403, "fleet": 403]
        ),
        (.get, "/api/v1/tasks?nodeId=n2", nil, ["n1": 403]),
        (.get, "/ready", nil, ["": 200, "wrong": 200]),
        (.get, "/leader", nil, ["": 200, "wrong": 200]),
        (.get, "/api/v1/nonsense", nil, ["": 404, "wrong": 404]),
        (.put, "/api/v1/tasks", nil, ["": 405]),
    ]

    @Test(arguments: matrix.indices)
    func eachTokenMayWhatItsRoleMay(row: Int) async throws {
        let (method, uri, body, statuses) = Self.matrix[row]
        for (token, status) in statuses.sorted(by: { $0.key < $1.key }) {
            try await withShim(CoreDoor(tokens: try Self.tokens())) { client async throws in
                let registered = try await client.send(
                    Self.call("n1", .post, "/api/v1/nodes/register", Self.node1)
                )
                #expect(registered.status == 201)
                let task = try await client.send(Self.call("client", .post, "/api/v1/tasks", Self.spec))
                let taskId = try JSONReader.read(Array(task.body.utf8)) { $0["taskId"]?.string() ?? "" }
                let path = uri.replacing("/T", with: "/\(taskId)")
                let answer = try await client.send(Self.call(token.isEmpty ? nil : token, method, path, body))
                #expect(answer.status == status, "\(token): \(answer.body)")
                let challenge = answer.header("WWW-Authenticate")
                #expect((challenge != nil) == (status == 401))
                if status == 401 {
                    let isWrong = challenge?.contains("invalid_token") == true
                    #expect(isWrong == !token.isEmpty, "\(challenge ?? "")")
                    #expect(method == .head || answer.body.contains(#""code":"unauthenticated""#))
                }
                #expect(!answer.body.contains("\"wrong\"") && !answer.body.contains("Bearer wrong"))
            }
        }
    }

    @Test func aReportOnAnotherNodesTaskIsToldSo() async throws {
        try await withShim(CoreDoor(tokens: try Self.tokens())) { client async throws in
            for node in ["n1", "n2"] {
                let body = #"{"nodeId":"\#(node)","capacity":1}"#
                #expect(try await client.send(Self.call(node, .post, "/api/v1/nodes/register", body)).status == 201)
            }
            let task = try await client.send(Self.call("client", .post, "/api/v1/tasks", Self.spec))
            let (taskId, owner) = try JSONReader.read(Array(task.body.utf8)) {
                ($0["taskId"]?.string() ?? "", $0["nodeId"]?.string() ?? "n1")
            }
            let other = owner == "n1" ? "n2" : "n1"
            let path = "/api/v1/tasks/\(taskId)/status"
            let answer = try await client.send(Self.call(other, .put, path, #"{"status":"running"}"#))
            #expect(answer.status == 403, "\(answer.body)")
            #expect(answer.body.contains("another node's than \(other)"), "\(answer.body)")
            #expect(answer.body.contains(#""field":"attempt""#))
        }
    }

    @Test(arguments: ["Basic YTpi", "Bearer", "reader", "bearer  reader", "BEARER reader", "Bearer reader x"])
    func theSchemeIsBearer(header: String) async throws {
        let isGood = header.lowercased().hasPrefix("bearer ") && header.hasSuffix("reader")
        try await withShim(CoreDoor(tokens: try Self.tokens())) { client async throws in
            let call = Call(.get, "/api/v1/nodes", headers: [.authorization: header])
            #expect(try await client.send(call).status == (isGood ? 200 : 401))
        }
    }

    @Test func aRevokedTokenIsRefusedAtOnce() async throws {
        let door = CoreDoor(tokens: try Self.tokens())
        try await withShim(door) { client async throws in
            for _ in 0..<9 {
                #expect(try await client.send(Self.call("reader", .get, "/api/v1/nodes")).status == 200)
            }
            #expect(try await client.send(Self.call("n1", .post, "/api/v1/nodes/register", Self.node1)).status == 201)
            door.setTokens(try Self.tokens(without: "reader"))
            #expect(try await client.send(Self.call("reader", .get, "/api/v1/nodes")).status == 401)
            door.setTokens(try Self.tokens(without: "n1"))
            #expect(try await client.send(Self.call("n1", .post, "/api/v1/nodes/n1/heartbeat")).status == 404)
            #expect(try await client.send(Self.call("n1", .post, "/api/v1/nodes/register", Self.node1)).status == 401)
            #expect(try await client.send(Self.call("reader", .get, "/api/v1/nodes")).status == 200)
        }
    }

    @Test func aNodesConnectionStandsAndFallsWithTheTokenThatRegisteredIt() async throws {
        let door = CoreDoor(tokens: try Self.tokens())
        try await withShim(door) { client async throws in
            func register(_ token: String) async throws -> Int {
                try await client.send(Self.call(token, .post, "/api/v1/nodes/register", Self.node1)).status
            }
            func beat(_ token: String) async throws -> Int {
                try await client.send(Self.call(token, .post, "/api/v1/nodes/n1/heartbeat")).status
            }
            #expect(try await register("n1") == 201)
            #expect(try await beat("n1-new") == 200)
            door.setTokens(try Self.tokens(without: "n1-new"))
            #expect(try await beat("n1-new") == 401)
            #expect(try await beat("n1") == 200)
            door.setTokens(try Self.tokens())
            #expect(try await register("n1-new") == 201)
            door.setTokens(try Self.tokens(without: "n1"))
            #expect(try await beat("n1") == 401)
            #expect(try await beat("n1-new") == 200)
            door.setTokens(try Self.tokens(without: "n1-new"))
            #expect(try await beat("n1-new") == 404)
            #expect(try await register("n1-new") == 401)
        }
    }

    @Test func manyCallersAndManyWrongTokensLeaveTheGoodInPlace() async throws {
        let records = try (0..<100).map {
            try TokenRecord(name: "r\($0)", role: .reader, node: nil, digest: Token.digest(of: "r\($0)"), createdAt: 0)
        }
        try await withShim(CoreDoor(tokens: try TokenTable(records))) { client async throws in
            for round in 0..<2 {
                for index in 0..<100 {
                    let answer = try await client.send(Self.call("r\(index)", .get, "/api/v1/nodes"))
                    #expect(answer.status == 200, "\(round) \(index): \(answer.body)")
                }
            }
        }
    }

    @Test func whereNobodyIsAskedAHeaderIsPassedOver() async throws {
        try await withShim(CoreDoor()) { client async throws in
            #expect(try await client.send(Self.call("anything", .get, "/api/v1/nodes")).status == 200)
            #expect(try await client.send(Self.call("x", .post, "/api/v1/nodes/register", Self.node1)).status == 201)
            #expect(try await client.send(Self.call("y", .post, "/api/v1/nodes/n1/heartbeat")).status == 200)
        }
    }
}
