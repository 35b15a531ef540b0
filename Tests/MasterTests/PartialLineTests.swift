import Logging
import NIOCore
import PodlingCore
import PodlingMaster
import PodlingShell
import PodlingStore
import ServiceLifecycle
import TestSupport
import Testing

@Suite struct PartialLineTests {
    /// A busy peer's reads may end within a line every time; only a line that stays unfinished is late.
    @Test func aPeerWhoseLinesComeToTheirEndsIsNeverLate() async throws {
        try await Self.withMaster({ $0.limits.deadlines.partialLineSeconds = 1 }, Self.pingInHalves)
    }

    /// Where identities are asked for, asking how the master is does not keep a connection for ever.
    @Test func whoDoesNotShowWhoItIsIsSentAway() async throws {
        func ask(_ configuration: inout MasterConfiguration) {
            configuration.limits.deadlines.identitySeconds = 1
            configuration.core.isAuthenticated = true
        }
        try await Self.withMaster(ask) { port in
            let connection = try LineConnection(host: "127.0.0.1", port: port)
            let banner = try connection.readLine().map { String(decoding: $0, as: UTF8.self) } ?? ""
            #expect(banner.contains(#""auth":"token""#))
            try connection.send(line: #"{"op":"ping"}"#)
            _ = try connection.readLine()
            let last = try connection.readLine().map { String(decoding: $0, as: UTF8.self) } ?? ""
            #expect(last.contains(#""code":"timeout""#) && last.contains("token"), "\(last)")
            #expect(try connection.readLine() == nil)
        }
    }

    private static func withMaster(
        _ change: (inout MasterConfiguration) -> Void,
        _ body: @escaping @Sendable (UInt16) throws -> Void
    ) async throws {
        var configuration = MasterConfiguration(
            core: CoreConfiguration(server: "podling-master/test", epoch: "e1", firstTaskID: TaskID(number: 1))
        )
        configuration.port = 0
        configuration.limits.shutdownSeconds = 1
        change(&configuration)
        let (ports, continuation) = AsyncStream<Int?>.makeStream()
        let logger = Logger(label: "test")
        let server = try await MasterServer(configuration: configuration, store: MemoryStore(), logger: logger) {
            continuation.yield($0.port)
            continuation.finish()
        }
        let group = ServiceGroup(configuration: .init(services: [.init(service: server)], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            for await port in ports {
                let port = try #require(port.flatMap(UInt16.init(exactly:)))
                try await onThread { try body(port) }
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    private static func pingInHalves(_ port: UInt16) throws {
        let connection = try LineConnection(host: "127.0.0.1", port: port)
        _ = try connection.readLine()
        try connection.send(Array(#"{"op":"#.utf8))
        let end = Deadline.after(seconds: 3.5)
        while end.millisecondsLeft > 0 {
            try connection.send(Array("\"ping\"}\n{\"op\":".utf8))
            let line = try connection.readLine().map { String(decoding: $0, as: UTF8.self) }
            try #require(line?.hasPrefix(#"{"re":null,"ok":"#) == true, "\(line ?? "closed")")
        }
    }
}
