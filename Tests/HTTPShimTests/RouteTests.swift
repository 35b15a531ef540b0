import Testing

@testable import PodlingHTTP

@Suite struct RouteTests {
    @Test(arguments: [
        ("/health", Route.health), ("/health/", .health), ("/ready", .ready(leads: false)),
        ("/leader", .ready(leads: true)), ("/api/v1/tasks", .tasks), ("/api/v1/tasks/", .tasks),
        ("/api/v1/tasks/t1", .task(id: "t1")), ("/api/v1/tasks/t1/cancel", .taskCancel(id: "t1")),
        ("/api/v1/tasks/t1/status", .taskStatus(id: "t1")), ("/api/v1/nodes", .nodes),
        ("/api/v1/nodes/register", .nodeRegister), ("/api/v1/nodes/n.1/heartbeat", .nodeHeartbeat(id: "n.1")),
        ("/api/v1/nodes/register/heartbeat", .nodeHeartbeat(id: "register")),
    ])
    func paths(path: String, route: Route) {
        #expect(Route(path: path) == route)
    }

    @Test(arguments: [
        "", "/", "//", "*", "health", "/Health", "/health/x", "/ready/x", "/api", "/api/v1", "/api/v2/tasks",
        "/api/v1//tasks",
        "/api/v1/tasks/t1/cancel/x", "/api/v1/tasks/t1/other", "/api/v1/nodes/n1", "//api/v1/tasks", "/api/v1/tasks//",
        "/api/v1/tasks//cancel/",
    ])
    func otherPaths(path: String) {
        switch Route(path: path) {
        case nil: break
        case .task(let id), .taskCancel(let id): #expect(throws: HTTPProblem.self) { try Identifier.task(id) }
        default: Issue.record("\(path) is served")
        }
    }

    @Test func ids() throws {
        for good in ["a", "t1k3v9x2m0a4b", "A_b-", "ä", "..", String(repeating: "z", count: 1_020)] {
            #expect(try Identifier.task(good) == good)
        }
        for (segment, id) in [("%61%2Fb", "a/b"), ("%C3%A4%20", "ä "), ("%2fx%25", "/x%")] {
            #expect(try Identifier.task(segment) == id)
        }
        for bad in ["", "%", "%6", "%6g", "%+1", "%00", "%ff", String(repeating: "z", count: 1_021)] {
            #expect(throws: HTTPProblem.self) { try Identifier.task(bad) }
        }
        for good in ["a", "A-9_.", "..", String(repeating: "Z", count: 63)] {
            #expect(throws: Never.self) { try Identifier.checkNode(good) }
        }
        for bad in ["", "a/b", "a@b", "[", "`", "{", "\u{0}", "ä", String(repeating: "Z", count: 64)] {
            #expect(throws: HTTPProblem.self) { try Identifier.checkNode(bad) }
        }
    }
}
