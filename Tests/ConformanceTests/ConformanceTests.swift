import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// The golden transcripts of proto-spec.md, each against a fresh `podling-master`.
@Suite struct ConformanceTests {
    @Test(.timeLimit(.minutes(6)), arguments: TranscriptFiles.names)
    func masterFollows(transcript name: String) async throws {
        let outcome = try await onThread { try Self.play(name) }
        #expect(outcome.ending == .exited(0), "\(outcome.output)")
    }

    /// The same with a store that makes all durable first.
    @Test(
        .timeLimit(.minutes(6)),
        .enabled(if: TestDatabase.isAvailable, "TEST_DATABASE_URL is not set"),
        arguments: TranscriptFiles.names
    )
    func masterFollowsWithPostgreSQL(transcript name: String) async throws {
        let outcome = try await onThread {
            let database = try TestDatabase()
            return try Self.play(name, environment: database.environment)
        }
        #expect(outcome.ending == .exited(0), "\(outcome.output)")
    }

    /// SIGTERM: every connection is notified, then closed (section 3, point 7).
    @Test(.timeLimit(.minutes(5))) func masterSaysThatItGoes() async throws {
        let ending = try await onThread {
            let master = try MasterProcess()
            let connection = try master.connect()
            var matcher = TranscriptMatcher()
            try matcher.match(wanted: #"{"ev":"hello"}"#, found: try connection.readLine() ?? [])
            master.process.signal(SIGTERM)
            let drain = #"{"ev":"drain","deadline_ms":"<any>","reconnect_ms":["<any>","<any>"]}"#
            try matcher.match(wanted: drain, found: try connection.readLine() ?? [])
            guard try connection.readLine() == nil else { throw TestSupportError("more came after drain") }
            return master.process.wait(deadline: .after(seconds: 15))
        }
        #expect(ending == .exited(0))
    }

    /// Throws where the master parts from the transcript.
    private static func play(
        _ name: String,
        environment: [String: String] = [:]
    ) throws -> (ending: ProgramProcess.Ending?, output: String) {
        let transcript = try Transcript(TranscriptFiles.text(name))
        let master = try MasterProcess(transcript.masterArguments, environment: environment)
        var runner = TranscriptRunner(host: master.host, port: master.port)
        try runner.run(transcript)
        let schema = try JSONSchema()
        for (connection, traffic) in runner.traffic {
            let faults = try traffic.faults(by: schema)
            guard faults.isEmpty else {
                throw TestSupportError("\(name), \(connection): \(faults.joined(separator: "\n"))")
            }
        }
        return (master.terminate(), master.process.output)
    }
}

/// The files of Tests/ConformanceTests/Transcripts.
enum TranscriptFiles {
    static let directory = SourceTree.path("Tests/ConformanceTests/Transcripts")

    static let names: [String] = {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return all.filter { $0.hasSuffix(".txt") }.sorted()
    }()

    static func text(_ name: String) throws -> String {
        try String(contentsOfFile: directory + "/" + name, encoding: .utf8)
    }
}

/// The tree that these tests were built from.
enum SourceTree {
    private static let root: String = {
        let levelsUp = 3
        return #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(levelsUp)
            .joined(separator: "/")
    }()

    static func path(_ relative: String) -> String { root + "/" + relative }
}
