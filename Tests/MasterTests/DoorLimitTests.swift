import Logging
import PodlingCore
import PodlingMaster
import PodlingShell
import PodlingStore
import ServiceLifecycle
import Testing

/// The door counts as a TCP connection does.
@Suite(.timeLimit(.minutes(5))) struct DoorLimitTests {
    @Test func theDoorTakesNoMoreThanTheMaster() async throws {
        var configuration = MasterConfiguration(
            core: CoreConfiguration(server: "podling-master/test", epoch: "e1", firstTaskID: TaskID(number: 1))
        )
        configuration.port = 0
        configuration.limits.connectionsMax = 2
        let (ready, continuation) = AsyncStream<Void>.makeStream()
        let server = try await MasterServer(
            configuration: configuration,
            store: MemoryStore(),
            logger: Logger(label: "test")
        ) { _ in continuation.finish() }
        let group = ServiceGroup(
            configuration: .init(services: [.init(service: server)], logger: Logger(label: "test"))
        )
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            for await _ in ready {}
            let door = server.door
            let sessions = [try await door.open(), try await door.open()]
            await #expect(throws: DoorClosed.self) { _ = try await door.open() }
            sessions[0].close()
            let third = try await door.open()
            #expect(try await !third.request(Array(#"{"op":"ping"}"#.utf8)).isEmpty)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }
}
