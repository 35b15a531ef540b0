import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// A master whose database is unreachable.
@Suite(
    .serialized,
    .timeLimit(.minutes(10)),
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

    /// Clients that wait for a write get an error; the shutdown takes no longer than its limit.
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
            // Both wait, as counts of memory tell.
            let isThere = try Deadline.after(seconds: 20).poll {
                try idle.request("ping")["tasks"]?["pending"]?.int == 2 ? true : nil
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
            #expect(seconds < Self.shutdownSeconds + 20, "it took \(seconds) s")
            _ = curl.wait(deadline: .after(seconds: 10))
            #expect(curl.output.contains(#""code":"unavailable""#) && curl.output.hasSuffix(" 503"), "\(curl.output)")
        }
    }

    /// The liveness probe succeeds; the readiness probe fails, and says for how long.
    @Test func probesTellThatTheDatabaseIsAway() async throws {
        try await onThread {
            let cluster = try PostgresCluster()
            let master = try Self.start(cluster)
            let standby = try Self.start(cluster)
            func probe(_ master: MasterProcess, _ path: String) throws -> String {
                let url = "http://\(try master.process.readyValue("http"))\(path)"
                let arguments = ["-sS", "--max-time", "10", "-w", " %{http_code}", url]
                // A master that lost the lead restarts, and takes no connection for a moment.
                return (try? Tool.output("curl", arguments)) ?? ""
            }
            func awaitProbe(_ master: MasterProcess, _ path: String, _ code: String, _ part: String) throws {
                var last = ""
                let found = try Deadline.after(seconds: 30).poll { () throws -> Bool? in
                    last = try probe(master, path)
                    return last.hasSuffix(code) && last.contains(part) ? true : nil
                }
                #expect(found == true, "\(path): \(last)")
            }
            try awaitProbe(master, "/leader", " 200", #""status":"ok""#)
            try awaitProbe(standby, "/ready", " 200", #""status":"standby""#)
            try awaitProbe(standby, "/leader", " 503", #""leader":"\#(master.address)""#)
            try cluster.stop(.immediate)
            for each in [master, standby] {
                try awaitProbe(each, "/ready", " 503", #""status":"degraded""#)
                try awaitProbe(each, "/ready", " 503", #""awaySeconds":3"#)
                try awaitProbe(each, "/health", " 200", #""status":"degraded""#)
            }
            try cluster.start()
            // Whoever of them leads now.
            for each in [master, standby] { try awaitProbe(each, "/ready", " 200", #""store":{"status":"ok"}"#) }
            let leaders = try Deadline.after(seconds: 30).poll { () throws -> Bool? in
                try [master, standby].count { try probe($0, "/leader").hasSuffix(" 200") } == 1 ? true : nil
            }
            #expect(leaders == true)
            #expect(standby.terminate() == .exited(0))
            #expect(master.terminate() == .exited(0))
        }
    }
}
