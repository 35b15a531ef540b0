import TestSupport
import Testing

/// However many connections others hold, health probes are answered.
@Suite(.serialized, .timeLimit(.minutes(5))) struct HTTPPressureTests {
    /// As many as once blocked everybody, for half a minute.
    private static let count = 1_000
    private static let answerSeconds = "15"

    private static func expectAnswers(_ base: String, _ flags: [String]) throws {
        for path in ["/health", "/ready", "/leader"] {
            let body = try Tool.output("curl", ["-sS", "--max-time", answerSeconds] + flags + [base + path])
            #expect(try JSON(parsing: Array(body.utf8))["status"]?.text == "ok")
        }
    }

    @Test(arguments: [false, true]) func silentConnectionsKeepNobodyOut(isTLS: Bool) async throws {
        try await onThread {
            let workshop = try Workshop.shared.get()
            let master = try MasterProcess(isTLS ? try TLSMaster.flags() : [], http: true)
            let port = try master.httpPort()
            let silent = try (0..<Self.count).map { _ in try LineConnection(host: "127.0.0.1", port: port) }
            let base = isTLS ? "https://localhost:\(port)" : "http://127.0.0.1:\(port)"
            let flags = isTLS ? ["--cacert", workshop.file("ca.pem")] : []
            try Self.expectAnswers(base, flags)
            // Other requests as well: the oldest silent connection is evicted.
            let limited = ["-sS", "--max-time", Self.answerSeconds]
            let tasks = try Tool.output("curl", limited + flags + [base + "/api/v1/tasks"])
            #expect(tasks == "[]\n")
            withExtendedLifetime(silent) {}
        }
    }

    @Test func requestsUnderWayLeaveRoomForThoseWhoAsk() async throws {
        try await onThread {
            let master = try MasterProcess(http: true)
            let port = try master.httpPort()
            let head =
                "POST /api/v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + "Content-Length: 9\r\n\r\n{"
            let busy = try (0..<Self.count).map { _ in
                let connection = try LineConnection(host: "127.0.0.1", port: port)
                try connection.send(Array(head.utf8))
                return connection
            }
            let silent = try (0..<Self.count).map { _ in try LineConnection(host: "127.0.0.1", port: port) }
            try Self.expectAnswers("http://127.0.0.1:\(port)", [])
            withExtendedLifetime((busy, silent)) {}
        }
    }
}
