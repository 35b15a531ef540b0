import FoundationEssentials
import TestSupport
import Testing

/// A task's output arrives completely, or what is missing is counted: on every engine, with every command, however
/// slowly it is read.
@Suite(.serialized, .timeLimit(.minutes(15))) struct OutputTableTests {
    /// Only the long variant reads the largest outputs slowly.
    static let readersOfTheLargest = isLong ? OutputReader.allCases : [.fast]

    static let engines = IntegrationEngine.allCases.filter { $0 == .process || $0.socketPath != nil }

    private static let isLong = ProcessInfo.processInfo.environment["PODLING_LONG_OUTPUT"] != nil

    /// By `run`; then, of the task that has ended, by `logs`, `logs -f`.
    private static func check(_ place: OutputPlace, _ wanted: OutputCase, _ reader: OutputReader = .fast) throws {
        let name = "\(place.node.engine) \(wanted.name), \(reader)"
        let key = "k-\(UUID().uuidString)"
        let run = ["run", "--label", "case=\(key)", "busybox", "sh", "-c", wanted.script]
        let ran = try place.client(run, reader) {
            let peer = try Peer(place.master)
            _ = try peer.awaitEnd(peer.task(labelled: key))
        }
        #expect(ran.fault(wanted) == nil, "run: \(name)")
        let task = try Peer(place.master).task(labelled: key)
        for command in [["logs", "--tail", "all"], ["logs", "-f", "--tail", "all"]] {
            let got = try place.client(command + [task], reader)
            #expect(got.fault(wanted) == nil, "\(command): \(name)")
        }
    }

    /// `logs -f` that begins before the task does.
    private static func checkFollow(_ place: OutputPlace, _ wanted: OutputCase) throws {
        let task = try place.submit(wanted.script)
        let got = try place.client(["logs", "-f", "--tail", "all", task])
        #expect(got.fault(wanted) == nil, "logs -f: \(place.node.engine) \(wanted.name)")
    }

    private static func with(
        _ engine: IntegrationEngine,
        _ body: @escaping @Sendable (OutputPlace) throws -> Void
    ) async throws {
        try await onThread {
            let place = try OutputPlace(engine)
            let worker = try place.startWorker()
            try body(place)
            #expect(worker.terminate() == .exited(0))
        }
    }

    @Test(arguments: engines) func smallOutputsAreWhole(engine: IntegrationEngine) async throws {
        try await Self.with(engine) { place in
            for wanted in OutputCase.small {
                try Self.check(place, wanted)
                try Self.checkFollow(place, wanted)
            }
        }
    }

    @Test(arguments: engines) func largeOutputsAreWhole(engine: IntegrationEngine) async throws {
        try await Self.with(engine) { place in
            for _ in 0..<(Self.isLong ? 8 : 2) { try Self.check(place, .long) }
            try Self.checkFollow(place, .long)
            try Self.check(place, .longer)
        }
    }

    @Test(arguments: engines, [OutputReader.slow, .stopped])
    func aReaderThatLagsGetsAllOrACount(engine: IntegrationEngine, reader: OutputReader) async throws {
        try await Self.with(engine) { place in
            try Self.check(place, .long, reader)
            if Self.isLong { try Self.check(place, .longer, reader) }
        }
    }

    /// In the short variant by `run` only: it is read once, and its end twice.
    @Test(arguments: engines, readersOfTheLargest)
    func twoHundredMegabytesAreWhole(engine: IntegrationEngine, reader: OutputReader) async throws {
        try await Self.with(engine) { place in
            guard !Self.isLong else { return try Self.check(place, .longest, reader) }
            let got = try place.client(["run", "busybox", "sh", "-c", OutputCase.longest.script])
            #expect(got.fault(.longest) == nil, "\(engine)")
        }
    }
}

extension Peer {
    fileprivate func task(labelled key: String) throws -> String {
        let found = try Deadline.after(seconds: 60).poll { () throws -> String? in
            try request("list", #""labels":{"case":"\#(key)"}"#)["tasks"]?.elements.first?["taskId"]?.text
        }
        guard let found else { throw TestSupportError("no task came") }
        return found
    }
}
