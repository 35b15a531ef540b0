import FoundationEssentials
import TestSupport
import Testing

/// The golden transcripts of proto-spec.md, each against a fresh `podling-master`.
@Suite struct ConformanceTests {
    @Test(.timeLimit(.minutes(2)), arguments: TranscriptFiles.names)
    func masterFollows(transcript name: String) async throws {
        let outcome = try await onThread { try Self.play(name) }
        #expect(outcome.ending == .exited(0), "\(outcome.output)")
    }

    /// Throws where the master parts from the transcript.
    private static func play(_ name: String) throws -> (ending: ProgramProcess.Ending?, output: String) {
        let transcript = try Transcript(TranscriptFiles.text(name))
        let master = try MasterProcess(transcript.masterArguments)
        var runner = TranscriptRunner(host: master.host, port: master.port)
        try runner.run(transcript)
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
    static func path(_ relative: String, from file: String = #filePath) -> String {
        let levelsUp = 3
        return file.split(separator: "/", omittingEmptySubsequences: false).dropLast(levelsUp).joined(separator: "/")
            + "/" + relative
    }
}
