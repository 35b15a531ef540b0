import FoundationEssentials
import TestSupport
import Testing

/// The golden transcripts of proto-spec.md, each against a fresh `podling-master`.
@Suite struct ConformanceTests {
    @Test(.timeLimit(.minutes(2)), arguments: TranscriptFiles.names)
    func masterFollows(transcript name: String) async throws {
        try await onThread {
            let transcript = try Transcript(TranscriptFiles.text(name))
            let master = try MasterProcess(transcript.masterArguments)
            var runner = TranscriptRunner(host: master.host, port: master.port)
            do {
                try runner.run(transcript)
            } catch {
                Issue.record("\(name): \(error)")
            }
            #expect(master.terminate() == .exited(0), "\(master.process.output)")
        }
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
