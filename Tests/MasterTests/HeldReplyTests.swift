import Logging
import NIOConcurrencyHelpers
import PodlingCore
import PodlingMaster
import PodlingProtocol
import PodlingStore
import ServiceLifecycle
import Testing

/// A store whose batches become durable when the test says so.
private final class SlowStore: Store {
    typealias Done = @Sendable (Result<Void, StoreError>) -> Void
    private let waiting = NIOLockedValueBox<[(StoreBatch, Done)]>([])

    var keepsRows: Bool { true }
    var leadership: AsyncStream<StoreLeadership> { AsyncStream { $0.yield(.leading) } }

    func advertise(_ address: String) {}

    func commit(_ batch: StoreBatch, done: @escaping Done) -> StoreAnswer {
        waiting.withLockedValue { $0.append((batch, done)) }
        return .later
    }

    func load(_ take: @escaping @Sendable ([TaskRow]) async throws -> Void) async throws {}

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
        _ body: @escaping @Sendable (any DoorSession) async throws -> Void
    ) async throws {
        var configuration = MasterConfiguration(
            core: CoreConfiguration(server: "podling-master/test", epoch: "e1", firstTaskID: TaskID(number: 1))
        )
        configuration.port = 0
        configuration.shutdownSeconds = 1
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
            try await body(server.door.open())
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    private static func line(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func nothingLeavesBeforeItIsDurable() async throws {
        let store = SlowStore()
        try await Self.withServer(store) { session in
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

    @Test func batchesAreAnsweredInTheirOrder() async throws {
        let store = SlowStore()
        try await Self.withServer(store) { session in
            for round in 1...3 {
                async let reply = session.request(Self.line(#"{"op":"submit","id":\#(round),"name":"a","image":"b"}"#))
                while store.batches.isEmpty { await Task.yield() }
                store.release()
                let text = try await String(decoding: reply, as: UTF8.self)
                #expect(text.hasPrefix(#"{"re":\#(round),"ok":"#))
            }
        }
    }
}
