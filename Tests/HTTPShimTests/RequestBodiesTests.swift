import HTTPTypes
import TestSupport
import Testing

@testable import PodlingHTTP

/// The bodies of all requests have a bound together, and what a request took is free again however it ended.
@Suite(.timeLimit(.minutes(5))) struct RequestBodiesTests {
    private static let spec = #"{"name":"\#(String(repeating: "a", count: 50_000))"}"#

    /// Nothing here is to end by time.
    private static var configuration: HTTPShimConfiguration {
        var configuration = HTTPShimConfiguration(port: 0)
        configuration.bodiesBytesMax = 120_000
        configuration.bodyTimeoutSeconds = 600
        configuration.idleTimeoutSeconds = 600
        configuration.stallTimeoutSeconds = 600
        return configuration
    }

    /// A request whose body stops before its end.
    private static func unfinished(port: Int, bytes: Int) throws -> LineConnection {
        let connection = try LineConnection(host: "127.0.0.1", port: UInt16(port))
        let head =
            "POST /api/v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(bytes + 1)\r\n\r\n"
        try connection.send(Array(head.utf8) + [UInt8](repeating: UInt8(ascii: " "), count: bytes))
        return connection
    }

    /// Asks until the answer has that status.
    private static func answer(_ client: ShimClient, status: Int) async throws -> Answer {
        while true {
            let answer = try await client.send(Call(.post, "/api/v1/tasks", spec))
            if answer.status == status { return answer }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// An unfinished request, and the refusal of another for which it leaves no room. Begun anew where it was refused itself:
    /// the body of the request before may still have been there.
    private static func pressure(_ client: ShimClient) async throws -> (busy: LineConnection, refusal: Answer) {
        while true {
            let busy = try unfinished(port: client.port, bytes: 80_000)
            for _ in 1...20 {
                let answer = try await client.send(Call(.post, "/api/v1/tasks", spec))
                if answer.status == 503 { return (busy, answer) }
                try await Task.sleep(for: .milliseconds(5))
            }
        }
    }

    @Test func unfinishedBodiesTakeABoundedAmount() async throws {
        try await withShim(FakeDoor(), configuration: Self.configuration) { client async throws in
            let (busy, refusal) = try await Self.pressure(client)
            #expect(refusal.body.contains("overloaded"))
            #expect(refusal.headers[.retryAfter] == "5")
            #expect(refusal.headers[.connection] == "close")
            withExtendedLifetime(busy) {}
        }
    }

    @Test func whatAnAbortedRequestTookIsFreeAgain() async throws {
        try await withShim(FakeDoor(), configuration: Self.configuration) { client async throws in
            _ = try await Self.pressure(client)
            for _ in 1...2 { _ = try await Self.answer(client, status: 201) }
        }
    }
}
