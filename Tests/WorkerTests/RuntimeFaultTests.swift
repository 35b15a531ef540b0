import PodlingAgent
import Synchronization
import Testing

@testable import PodlingWorker

/// What a good engine does not show: lost answers, broken streams, silence.
@Suite(.timeLimit(.minutes(5))) struct RuntimeFaultTests {
    static let id = RuntimeValidationTests.hex64

    static func container(_ status: String, task: String = "t-1") -> String {
        """
        {"Id":"\(id)","State":{"Status":"\(status)","ExitCode":7},\
        "Config":{"Labels":{"podling.task":"\(task)","podling.attempt":"1","podling.node":"n-1"}}}
        """
    }

    @Test(arguments: [FakeEngine.Action.drop, .answer(409, #"{"message":"Conflict"}"#)])
    func aCreateWhoseAnswerIsLostIsFound(action: FakeEngine.Action) async throws {
        let engine = FakeEngine { $0.hasPrefix("POST") ? action : .answer(200, Self.container("created")) }
        try await engine.run { runtime in
            let found = try await runtime.create(RuntimeValidationTests.spec())
            #expect(found == Self.id)
        }
        #expect(engine.seen == ["POST /containers/create", "GET /containers/podling-t-1-1/json"])
    }

    @Test func aCreateThatFailedSaysWhy() async throws {
        let engine = FakeEngine { $0.hasPrefix("POST") ? .drop : .answer(404, #"{"message":"No such container"}"#) }
        try await engine.run { runtime in
            let error = await #expect(throws: RuntimeError.self) {
                try await runtime.create(RuntimeValidationTests.spec())
            }
            #expect(error?.kind == .engineUnavailable)
            #expect(error?.isRetryable == true)
        }
    }

    @Test func aStartWhoseAnswerIsLostIsNotRepeated() async throws {
        let inspections = Counter()
        let engine = FakeEngine { line in
            if line.hasPrefix("POST") { return .drop }
            let count = inspections.increment()
            return .answer(200, Self.container(count == 1 ? "created" : "exited"))
        }
        try await engine.run { runtime in
            try await runtime.start(Self.id)
            try await runtime.start(Self.id)
        }
        #expect(engine.seen.filter { $0.hasPrefix("POST") }.count == 1)
    }

    @Test func aWaitRidesOutAnEngineThatIsAway() async throws {
        let waits = Counter()
        let engine = FakeEngine { line in
            if line.hasPrefix("GET") {
                return .answer(200, Self.container(waits.value < 4 ? "running" : "exited"))
            }
            return switch waits.increment() {
            case 1: .drop
            case 2: .answer(500, "{}")
            default: .answer(200, #"{"StatusCode":0}"#)
            }
        }
        try await engine.run { runtime in
            let status = try await runtime.wait(Self.id)
            #expect(status.exitCode == 7)
        }
    }

    @Test(arguments: [
        (
            FakeEngine.Action.answer(200, #"{"status":"x"}"# + "\n" + #"{"error":"manifest unknown"}"#),
            RuntimeError.Kind.imageNotFound
        ),
        (.answer(200, #"{"error":"connection reset"}"# + "\n"), .imagePull),
        (.answer(200, #"{"status":"half a"#), .imagePull),
        (.beginning(#"{"status":"downloading"}"# + "\n"), .timeout),
        (.beginning(""), .timeout), (.drop, .engineUnavailable), (.answer(500, #"{"message":"x"}"#), .imagePull),
    ])
    func pullsThatFail(action: FakeEngine.Action, kind: RuntimeError.Kind) async throws {
        let idleSeconds = kind == .timeout ? 0.3 : 30
        let engine = FakeEngine(pullIdleSeconds: idleSeconds) { $0.hasPrefix("POST") ? action : .answer(404, "{}") }
        try await engine.run { runtime in
            let error = await #expect(throws: RuntimeError.self) {
                try await runtime.prepare(image: "x", policy: .missing)
            }
            #expect(error?.kind == kind, "\(String(describing: error))")
        }
    }

    /// A line of a log of Docker's, with its time.
    private static func frame(_ second: Int, _ text: String) -> String {
        let payload = "2026-01-01T00:00:0\(second).000000000Z \(text)"
        let length = Character(UnicodeScalar(UInt8(payload.utf8.count)))
        return "\u{1}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\(length)\(payload)"
    }

    @Test func logsThatAreNoneAreAnError() async throws {
        let engine = FakeEngine { line in
            line.hasSuffix("/logs") ? .answer(200, "not a frame at all") : .answer(200, Self.container("exited"))
        }
        try await engine.run { runtime in
            await #expect(throws: RuntimeError.self) { _ = try await runtime.output(Self.id) }
        }
    }

    /// It broke off in the midst, was away, was there again, ended early; the rest is in the log.
    @Test func anEngineThatGoesAwayLosesNoOutput() async throws {
        let logs = Counter()
        let engine = FakeEngine { line in
            guard line.hasSuffix("/logs") else {
                return .answer(200, Self.container(logs.value < 4 ? "running" : "exited"))
            }
            let (one, two, three) = (Self.frame(1, "one\n"), Self.frame(2, "two\n"), Self.frame(3, "three"))
            return switch logs.increment() {
            case 1: .answer(200, one + two.prefix(20))
            case 2: .drop
            case 3: .answer(503, #"{"message":"not yet"}"#)
            case 4: .answer(200, one + two)
            default: .answer(200, one + two + three)
            }
        }
        try await engine.run { runtime in
            let output = try await withDeadline(seconds: 60, what: "reading") {
                try await runtime.output(Self.id, follow: true)
            }
            #expect(output == [.stdout: "one\ntwo\nthree"])
        }
    }

    /// For the end of a long log its end is asked for, and no more: lines, and more of them, until there are bytes enough.
    @Test func theEndOfALogIsAskedForByLines() async throws {
        let logs = Counter()
        let engine = FakeEngine { line in
            guard line.hasSuffix("/logs") else { return .answer(200, Self.container("exited")) }
            let count = logs.increment() == 1 ? 64 : 256
            return .answer(200, (0..<count).map { _ in Self.frame(1, "xy") }.joined())
        }
        try await engine.run { runtime in
            let tail = try await runtime.logTail(Self.id, bytesMax: 200).flatMap { $0.bytes }
            #expect(String(decoding: tail, as: UTF8.self) == String(repeating: "xy", count: 100))
        }
        #expect(logs.value == 2)
        #expect(engine.queries.filter { $0.contains("/logs?") }.map { $0.contains("tail=64&") } == [true, false])
        #expect(engine.queries.last?.contains("tail=256&") == true)
    }

    @Test(arguments: ["", "../x", "abc", "A" + RuntimeValidationTests.hex64.dropFirst()])
    func strangeIdsDoNotReachTheEngine(id: String) async throws {
        let engine = FakeEngine { _ in .drop }
        try await engine.run { runtime in
            let calls: [@Sendable () async throws -> Void] = [
                { try await runtime.start(id) }, { _ = try await runtime.wait(id) }, { try await runtime.kill(id) },
                { try await runtime.stop(id, graceSeconds: 1) }, { try await runtime.remove(id, force: true) },
                { _ = try await runtime.logs(id, LogRequest()) },
            ]
            for call in calls {
                let error = await #expect(throws: RuntimeError.self) { try await call() }
                #expect(error?.kind == .invalidSpec)
            }
        }
        #expect(engine.seen.isEmpty)
    }

    @Test func oneFlightForAll() async throws {
        let flights = SingleFlight<String>()
        let runs = Counter()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    try await flights.run("x") {
                        _ = runs.increment()
                        try await Task.sleep(for: .milliseconds(300))
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(runs.value == 1)
    }

    @Test func whoLeavesAFlightDoesNotEndIt() async throws {
        let flights = SingleFlight<String>()
        let (gate, opener) = AsyncStream.makeStream(of: Void.self)
        let (landings, landed) = AsyncStream.makeStream(of: Bool.self)
        let work: @Sendable () async throws -> Void = {
            for await _ in gate { break }
            landed.yield(Task.isCancelled)
        }
        let leaver = Task { try await flights.run("x", work) }
        let stayer = Task { try await flights.run("x", work) }
        leaver.cancel()
        await #expect(throws: CancellationError.self) { try await leaver.value }
        opener.yield()
        try await stayer.value
        let last = Task { try await flights.run("y", work) }
        last.cancel()
        await #expect(throws: CancellationError.self) { try await last.value }
        #expect(await landings.first { _ in true } == false)
    }

    @Test func deadlines() async throws {
        let error = await #expect(throws: RuntimeError.self) {
            try await withDeadline(seconds: 0.01, what: "x") { try await Task.sleep(for: .seconds(60)) }
        }
        #expect(error?.kind == .timeout)
        #expect(try await withDeadline(seconds: 60, what: "x") { 7 } == 7)
    }
}

private final class Counter: Sendable {
    private let count = Mutex(0)

    var value: Int { count.withLock { $0 } }

    func increment() -> Int {
        count.withLock {
            $0 += 1
            return $0
        }
    }
}
