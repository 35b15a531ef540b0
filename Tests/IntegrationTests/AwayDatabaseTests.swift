import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// A master whose database is gone.
@Suite(
    .serialized,
    .timeLimit(.minutes(5)),
    .enabled(if: PostgresCluster.isAvailable, "PostgreSQL's server programs are not installed")
) struct AwayDatabaseTests {
    private static let shutdownSeconds = 4.0

    private static func start(_ cluster: PostgresCluster) throws -> MasterProcess {
        try MasterProcess(
            ["--shutdown-timeout", "\(Int(shutdownSeconds))"],
            environment: ["STORE_TYPE": "postgres", "DATABASE_URL": cluster.url],
            http: true
        )
    }

    /// Who waits for a write is told; the end takes no longer than it may.
    @Test func theEndIsInTimeAndTellsWhoWaits() async throws {
        try await onThread {
            let cluster = try PostgresCluster()
            let master = try Self.start(cluster)
            let http = try master.process.readyValue("http")
            let idle = try Peer(master)
            let writer = try Peer(master)
            try cluster.stop(.immediate)
            let curl = try Tool.start(
                "curl",
                ["-sS", "--max-time", "30", "-w", " %{http_code}", "-H", "Content-Type: application/json"]
                    + ["-d", #"{"name":"a","image":"b"}"#, "http://\(http)/api/v1/tasks"]
            )
            let isLate = Deadline.after(seconds: 20).poll {
                master.process.output.contains("the store is late") ? true : nil
            }
            #expect(isLate == true)
            try writer.connection.send(line: #"{"op":"submit","id":7,"name":"a","image":"busybox"}"#)
            // Both wait, as reads of memory tell.
            let isThere = try Deadline.after(seconds: 20).poll {
                try idle.request("list")["tasks"]?.elements.count == 2 ? true : nil
            }
            #expect(isThere == true)
            let began = ContinuousClock.now
            master.process.signal(SIGTERM)
            #expect(try Peer.line(idle.connection, "drain")["ev"]?.text == "drain")
            let waited = try (0..<2).map { _ in try Peer.line(writer.connection, "an answer") }
            #expect(waited[0]["ev"]?.text == "drain")
            #expect(waited[1]["re"]?.int == 7 && waited[1]["err"]?["code"]?.text == "unavailable")
            #expect(waited[1]["err"]?["retryable"] == .bool(true))
            #expect(master.process.wait(deadline: .after(seconds: 30)) == .exited(69))
            let seconds = (ContinuousClock.now - began) / .seconds(1)
            #expect(seconds < Self.shutdownSeconds + 1, "it took \(seconds) s")
            _ = curl.wait(deadline: .after(seconds: 10))
            #expect(curl.output.contains(#""code":"unavailable""#) && curl.output.hasSuffix(" 503"), "\(curl.output)")
        }
    }
}
