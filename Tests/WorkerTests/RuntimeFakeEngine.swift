import FoundationEssentials
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

@testable import PodlingWorker

/// An engine that misbehaves as told, on a unix socket of its own.
final class FakeEngine: Sendable {
    enum Action: Sendable {
        case answer(Int, String)
        /// The answer's beginning, and then silence.
        case beginning(String)
        /// The connection is closed without an answer.
        case drop
    }

    static let version = #"{"Version":"99.0","ApiVersion":"1.41","Components":[{"Name":"Engine"}]}"#

    private let handle: @Sendable (String) -> Action
    private let seenLines = Mutex<[String]>([])

    /// - Parameter handle: decides by `METHOD PATH`, without the version and the query.
    init(_ handle: @escaping @Sendable (String) -> Action) {
        self.handle = handle
    }

    /// The requests that came, besides those for the version.
    var seen: [String] { seenLines.withLock { $0 } }

    func run(_ body: @Sendable (DockerRuntime) async throws -> Void) async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString.prefix(8)).sock").path
        let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(unixDomainSocketPath: path) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    return try NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>(
                        wrappingChannelSynchronously: channel
                    )
                }
            }
        let runtime = DockerRuntime(socketPath: path, logger: Logger(label: "test"), pullIdleSeconds: 0.3)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await server.executeThenClose { connections in
                    try await withThrowingTaskGroup(of: Void.self) { serving in
                        for try await connection in connections {
                            serving.addTask { try? await self.serve(connection) }
                        }
                    }
                }
            }
            let result: Result<Void, any Error>
            do { result = .success(try await body(runtime)) } catch { result = .failure(error) }
            await runtime.shutdown()
            group.cancelAll()
            try? await group.waitForAll()
            try? FileManager.default.removeItem(atPath: path)
            try result.get()
        }
    }

    private func serve(_ connection: NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>) async throws {
        try await connection.executeThenClose { inbound, outbound in
            var line = ""
            for try await part in inbound {
                switch part {
                case .head(let head): line = Self.line(head)
                case .body: break
                case .end:
                    switch act(line) {
                    case .drop: return
                    case .answer(let status, let text):
                        let body = ByteBuffer(string: text)
                        let headers = HTTPHeaders([("Content-Length", "\(body.readableBytes)")])
                        let status = HTTPResponseStatus(statusCode: status)
                        try await outbound.write(.head(.init(version: .http1_1, status: status, headers: headers)))
                        try await outbound.write(.body(.byteBuffer(body)))
                        try await outbound.write(.end(nil))
                    case .beginning(let text):
                        try await outbound.write(.head(.init(version: .http1_1, status: .ok)))
                        try await outbound.write(.body(.byteBuffer(ByteBuffer(string: text))))
                    }
                }
            }
        }
    }

    private func act(_ line: String) -> Action {
        if line == "GET /version" { return .answer(200, Self.version) }
        seenLines.withLock { $0.append(line) }
        return handle(line)
    }

    private static func line(_ head: HTTPRequestHead) -> String {
        var path = head.uri.prefix { $0 != "?" }
        if path.hasPrefix("/v1.41") { path = path.dropFirst("/v1.41".count) }
        return "\(head.method) \(path)"
    }
}
