import Logging
import NIOConcurrencyHelpers
import PodlingCore
import PodlingMaster
import PodlingProtocol
import PodlingShell
import PodlingStore
import ServiceLifecycle
import Testing

/// A store whose batches become durable when the test says so.
private final class SlowStore: Store {
    typealias Done = @Sendable (Result<Void, StoreError>) -> Void
    private let waiting = NIOLockedValueBox<[(StoreBatch, Done)]>([])
    /// Whether it never takes what waits when the program ends.
    private let isStuck: Bool
    private let isEnding = NIOLockedValueBox(false)

    init(isStuck: Bool = false) { self.isStuck = isStuck }

    var keepsRows: Bool { true }
    var leadership: AsyncStream<StoreLeadership> { AsyncStream { $0.yield(.leading) } }

    func advertise(_ address: String) {}

    func commit(_ batch: StoreBatch, done: @escaping Done) -> StoreAnswer {
        guard isStuck || !isEnding.withLockedValue({ $0 }) else { return .durable }
        waiting.withLockedValue { $0.append((batch, done)) }
        return .later
    }

    func giveUp(inMilliseconds milliseconds: Int) {
        isEnding.withLockedValue { $0 = true }
        guard !isStuck else { return }
        while !batches.isEmpty { release() }
    }

    func load(_ take: @escaping @Sendable (StoreBatch) async throws -> Void) async throws {}

    func close() async {}

    var batches: [StoreBatch] { waiting.withLockedValue { $0.map(\.0) } }

    func release() {
        let first = waiting.withLockedValue { $0.isEmpty ? nil : $0.removeFirst() }
        first?.1(.success(()))
    }
}

@Suite struct HeldReplyTests {
    private static func withServer(
        _ store: SlowStore,
        heldTurnsMax: Int = 4_096,
        _ body: @escaping @Sendable (any DoorSession, any MasterDoor) async throws -> Void
    ) async throws {
        var configuration = MasterConfiguration(
            core: CoreConfiguration(server: "podling-master/test", epoch: "e1", firstTaskID: TaskID(number: 1))
        )
        configuration.port = 0
        configuration.limits.shutdownSeconds = 1
        configuration.limits.heldTurnsMax = heldTurnsMax
        let (ready, continuation) = AsyncStream<Void>.makeStream()
        let server = try await MasterServer(configuration: configuration, store: store, logger: Logger(label: "test")) {
            _ in
            continuation.finish()
        }
        let group = ServiceGroup(
            configuration: .init(services: [.init(service: server)], logger: Logger(label: "test"))
        )
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            for await _ in ready {}
            try await body(server.door.open(), server.door)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    private static func line(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func nothingLeavesBeforeItIsDurable() async throws {
        let store = SlowStore()
        try await Self.withServer(store) { session, _ in
            let answered = NIOLockedValueBox<[String]>([])
            async let submitted: Void = {
                let reply = try await session.request(Self.line(#"{"op":"submit","id":1,"name":"a","image":"b"}"#))
                answered.withLockedValue { $0.append(String(decoding: reply, as: UTF8.self)) }
            }()
            while store.batches.isEmpty { await Task.yield() }
            #expect(store.batches.first?.tasks.first?.status == .pending)
            #expect(store.batches.first?.tasks.first?.spec == Array(#""name":"a","image":"b""#.utf8))
            // A read that comes later waits behind the write it could have seen.
            async let read = session.request(Self.line(#"{"op":"ping","id":2}"#))
            for _ in 0..<200 { await Task.yield() }
            #expect(answered.withLockedValue { $0.isEmpty })
            store.release()
            try await submitted
            #expect(answered.withLockedValue { $0.first?.hasPrefix(#"{"re":1,"ok":"#) } == true)
            let second = try await String(decoding: read, as: UTF8.self)
            #expect(second.hasPrefix(#"{"re":2,"ok":"#))
        }
    }

    @Test func aDrainIsAcknowledgedOnceItIsDurable() async throws {
        let store = SlowStore()
        try await Self.withServer(store) { session, door in
            let worker = try await door.open()
            _ = try await worker.request(
                Self.line(#"{"op":"hello","proto":1,"role":"worker","node":"n1","instance":"i"}"#)
            )
            async let registered = worker.request(Self.line(#"{"op":"register","slots":1}"#))
            while store.batches.isEmpty { await Task.yield() }
            store.release()
            _ = try await registered
            let answered = NIOLockedValueBox(false)
            async let drained: [UInt8] = {
                let reply = try await session.request(Self.line(#"{"op":"drain","id":1,"nodeId":"n1"}"#))
                answered.withLockedValue { $0 = true }
                return reply
            }()
            let isHandedOver = { store.batches.contains { $0.nodes.contains { $0.isDraining } } }
            // Before it there may be the node's last heartbeat.
            while !isHandedOver() { await Task.yield() }
            for _ in 0..<200 { await Task.yield() }
            #expect(!answered.withLockedValue { $0 })
            while isHandedOver() { store.release() }
            #expect(try await String(decoding: drained, as: UTF8.self).contains(#""draining":true"#))
            worker.close()
        }
    }

    @Test func batchesAreAnsweredInTheirOrder() async throws {
        let store = SlowStore()
        try await Self.withServer(store) { session, _ in
            for round in 1...3 {
                async let reply = session.request(Self.line(#"{"op":"submit","id":\#(round),"name":"a","image":"b"}"#))
                while store.batches.isEmpty { await Task.yield() }
                store.release()
                let text = try await String(decoding: reply, as: UTF8.self)
                #expect(text.hasPrefix(#"{"re":\#(round),"ok":"#))
            }
        }
    }

    /// A store that has been silent for a second holds up writes, and reads of those who wait for a write, only.
    @Test func readsGoOnWhileTheStoreIsLate() async throws {
        let store = SlowStore()
        try await Self.withServer(store) { session, door in
            async let submitted = session.request(Self.line(#"{"op":"submit","id":1,"name":"a","image":"b"}"#))
            while store.batches.isEmpty { await Task.yield() }
            let other = try await door.open()
            // Answered once the store counts as late, or this would never end.
            _ = try await other.request(Self.line(#"{"op":"ping","id":2}"#))
            let list = try await other.request(Self.line(#"{"op":"list","id":3,"status":["running"]}"#))
            #expect(String(decoding: list, as: UTF8.self).hasPrefix(#"{"re":3,"ok":"#))
            #expect(store.batches.count == 1)
            store.release()
            let reply = try await String(decoding: submitted, as: UTF8.self)
            #expect(reply.hasPrefix(#"{"re":1,"ok":"#))
            other.close()
        }
    }

    /// A task of its own, which the store has.
    private static func submitted(_ store: SlowStore, _ session: any DoorSession) async throws -> String {
        async let reply = session.request(line(#"{"op":"submit","name":"a","image":"b"}"#))
        while store.batches.isEmpty { await Task.yield() }
        store.release()
        let text = try await String(decoding: reply, as: UTF8.self)
        return String(try #require(text.split(separator: "\"").first { $0.hasPrefix("t") && $0.count == 13 }))
    }

    /// The answer, or nil where none comes in a minute.
    private static func answer(_ session: any DoorSession, _ request: String) async throws -> String? {
        try await withThrowingTaskGroup(of: String?.self) { group in
            group.addTask { String(decoding: try await session.request(line(request)), as: UTF8.self) }
            group.addTask {
                try await Task.sleep(for: .seconds(60))
                return nil
            }
            let first = try await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }

    /// What the store does not have is not told: after a crash it would not be so.
    @Test(.timeLimit(.minutes(3))) func aReadTellsNothingThatIsNotDurable() async throws {
        let store = SlowStore()
        try await Self.withServer(store) { session, door in
            let task = try await Self.submitted(store, session)
            let quiet = try await Self.submitted(store, session)
            async let cancelled = session.request(Self.line(#"{"op":"cancel","id":1,"taskId":"\#(task)"}"#))
            while store.batches.isEmpty { await Task.yield() }
            // One that comes before the store counts as late, and one after.
            for _ in 1...2 {
                let other = try await door.open()
                let read = try await Self.answer(other, #"{"op":"get","id":2,"taskId":"\#(task)"}"#) ?? ""
                #expect(read.contains(#""code":"unavailable""#), "\(read)")
                let list = try await Self.answer(other, #"{"op":"list","id":3}"#) ?? ""
                #expect(list.contains(#""code":"unavailable""#), "\(list)")
                let unchanged = try await Self.answer(other, #"{"op":"get","id":4,"taskId":"\#(quiet)"}"#) ?? ""
                #expect(unchanged.contains(#""status":"pending""#), "\(unchanged)")
                other.close()
            }
            while !store.batches.isEmpty { store.release() }
            #expect(try await String(decoding: cancelled, as: UTF8.self).contains(#""status":"cancelled""#))
            let read = try await Self.answer(door.open(), #"{"op":"get","id":2,"taskId":"\#(task)"}"#) ?? ""
            #expect(read.contains(#""status":"cancelled""#), "\(read)")
        }
    }

    /// One change that is not durable takes one task from a page that may be partial, and not the page.
    @Test(.timeLimit(.minutes(3)), arguments: [[0], [1], [2], [0, 1], [1, 2], [0, 2], [0, 1, 2]])
    func aPageComesWithoutWhatIsNotDurable(changed: [Int]) async throws {
        let store = SlowStore()
        try await Self.withServer(store) { session, door in
            var tasks: [String] = []
            for _ in 0..<3 { tasks.append(try await Self.submitted(store, session)) }
            let cancels = changed.map { #"{"op":"cancel","id":1,"taskId":"\#(tasks[$0])"}"# }
            async let cancelled: Void = withThrowingTaskGroup { group in
                for cancel in cancels { group.addTask { _ = try await door.open().request(Self.line(cancel)) } }
                try await group.waitForAll()
            }
            while store.batches.reduce(0, { $0 + $1.tasks.count }) < changed.count { await Task.yield() }
            for _ in 1...2 {
                let other = try await door.open()
                let list = try await Self.answer(other, #"{"op":"list","id":3,"limit":3,"partial":true}"#) ?? ""
                let page = try Self.page(list)
                #expect(page.tasks == tasks.indices.filter { !changed.contains($0) }.map { tasks[$0] }, "\(list)")
                #expect(page.withheld == changed.count, "\(list)")
                other.close()
            }
            while !store.batches.isEmpty { store.release() }
            try await cancelled
            let list = try await Self.answer(door.open(), #"{"op":"list","id":3,"partial":true}"#) ?? ""
            let page = try Self.page(list)
            #expect(page.tasks == tasks && page.withheld == nil, "\(list)")
        }
    }

    private static func page(_ line: String) throws -> (tasks: [String], withheld: Int?) {
        var reader = JSONReader()
        var line = line
        return try line.withUTF8 { text in
            let body = try reader.parse(UnsafeRawBufferPointer(text)).root["ok"]
            let tasks = body?["tasks"]?.elements.compactMap { $0["taskId"]?.string() } ?? []
            return (tasks, body?["withheld"]?.int())
        }
    }

    /// Whoever waits for nothing that the store is to take is answered.
    @Test(
        .timeLimit(.minutes(3)),
        arguments: [
            #"{"op":"wait","id":2,"taskId":"TASK"}"#, #"{"op":"watch","id":2,"taskId":"TASK"}"#,
            #"{"op":"watch","id":2}"#, #"{"op":"logs","id":2,"taskId":"TASK","follow":true}"#,
        ]
    )
    func subscriptionsBeginWhileTheStoreIsLate(request: String) async throws {
        let store = SlowStore()
        try await Self.withServer(store) { session, door in
            let task = try await Self.submitted(store, session)
            async let held = session.request(Self.line(#"{"op":"submit","id":1,"name":"a","image":"b"}"#))
            while store.batches.isEmpty { await Task.yield() }
            for _ in 1...2 {
                let other = try await door.open()
                let reply = try await Self.answer(other, request.replacing("TASK", with: task))
                #expect(reply?.hasPrefix(#"{"re":2,"ok":{"sub":1"#) == true, "\(reply ?? "no answer")")
                other.close()
            }
            #expect(store.batches.count == 1)
            while !store.batches.isEmpty { store.release() }
            #expect(try await String(decoding: held, as: UTF8.self).hasPrefix(#"{"re":1,"ok":"#))
        }
    }

    @Test func writesBeyondTheBoundAreRefusedWhileTheStoreIsLate() async throws {
        let store = SlowStore()
        let submit = #"{"op":"submit","id":1,"name":"a","image":"b"}"#
        try await Self.withServer(store, heldTurnsMax: 2) { session, door in
            async let first = session.request(Self.line(submit))
            while store.batches.isEmpty { await Task.yield() }
            _ = try await door.open().request(Self.line(#"{"op":"ping"}"#))
            let second = try await door.open()
            async let held = second.request(Self.line(submit))
            while store.batches.count < 2 { await Task.yield() }
            let third = try await door.open()
            let refusal = try await String(decoding: third.request(Self.line(submit)), as: UTF8.self)
            #expect(refusal.contains(#""code":"unavailable""#) && refusal.contains(#""retry_after_ms":1000"#))
            #expect(store.batches.count == 2)
            store.release()
            store.release()
            for reply in try await [first, held] {
                #expect(String(decoding: reply, as: UTF8.self).hasPrefix(#"{"re":1,"ok":"#))
            }
            async let taken = third.request(Self.line(submit))
            while store.batches.isEmpty { await Task.yield() }
            store.release()
            #expect(try await String(decoding: taken, as: UTF8.self).hasPrefix(#"{"re":1,"ok":"#))
        }
    }

    /// Who waits for a write when the master ends is told that it may have happened or not.
    @Test func whatTheStoreNeverTakesIsRefusedAtTheEnd() async throws {
        let answers = NIOLockedValueBox<[String]>([])
        let store = SlowStore(isStuck: true)
        do {
            try await Self.withServer(store) { session, _ in
                let lines = [
                    #"{"op":"submit","id":"a\",","name":"a","image":"b"}"#, #"{"op":"ping","id":2}"#,
                    #"{"op":"get","id":3}"#, #"{"op":"submit","name":"a","image":"b"}"#,
                ]
                Task {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for line in lines {
                            group.addTask {
                                let reply = try await session.request(Self.line(line))
                                answers.withLockedValue { $0.append(String(decoding: reply, as: UTF8.self)) }
                            }
                        }
                        try await group.waitForAll()
                    }
                }
                while store.batches.reduce(0, { $0 + $1.tasks.count }) < 2 { await Task.yield() }
                for _ in 0..<200 { await Task.yield() }
            }
            Issue.record("the end of a store that took not all is no success")
        } catch MasterError.storeFailed {}
        let said = answers.withLockedValue { $0 }
        #expect(said.count == 4)
        let refused = said.filter { $0.contains(#""code":"unavailable""#) && $0.contains(#""retryable":true"#) }
        #expect(refused.count == 3, "\(said)")
        #expect(refused.contains { $0.hasPrefix(#"{"re":"a\",","err":"#) })
        #expect(said.contains { $0.hasPrefix(#"{"re":3,"err":{"code":"bad_request""#) }, "\(said)")
    }
}
