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
    private let seenURIs = Mutex<[String]>([])

    private let pullIdleSeconds: Double

    /// - Parameter handle: decides by `METHOD PATH`, without the version and the query.
    init(pullIdleSeconds: Double = 30, _ handle: @escaping @Sendable (String) -> Action) {
        self.pullIdleSeconds = pullIdleSeconds
        self.handle = handle
    }

    /// The paths that were asked for, with their queries.
    var queries: [String] { seenURIs.withLock { $0 } }

    /// The requests that came, besides those for the version.
    var seen: [String] { seenLines.withLock { $0 } }

    func run(_ body: @Sendable (DockerRuntime) async throws -> Void) async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString.prefix(8)).sock").path
        let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(FakeEngineHandler(self))
                }
            }
            .bind(unixDomainSocketPath: path).get()
        let runtime = DockerRuntime(socketPath: path, logger: Logger(label: "test"), pullIdleSeconds: pullIdleSeconds)
        let result: Result<Void, any Error>
        do { result = .success(try await body(runtime)) } catch { result = .failure(error) }
        await runtime.shutdown()
        try? await server.close()
        try? FileManager.default.removeItem(atPath: path)
        try result.get()
    }

    fileprivate func note(_ head: HTTPRequestHead) -> String {
        seenURIs.withLock { $0.append(head.uri) }
        return Self.line(head)
    }

    fileprivate func act(_ line: String) -> Action {
        if line == "GET /version" { return .answer(200, Self.version) }
        seenLines.withLock { $0.append(line) }
        return handle(line)
    }

    fileprivate static func line(_ head: HTTPRequestHead) -> String {
        var path = head.uri.prefix { $0 != "?" }
        if path.hasPrefix("/v1.41") { path = path.dropFirst("/v1.41".count) }
        return "\(head.method) \(path)"
    }
}

/// One connection of the fake engine.
private final class FakeEngineHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let engine: FakeEngine
    private var line = ""

    init(_ engine: FakeEngine) { self.engine = engine }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): line = engine.note(head)
        case .body: break
        case .end: answer(engine.act(line), context)
        }
    }

    private func answer(_ action: FakeEngine.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .drop: context.close(promise: nil)
        case .answer(let status, let text):
            let headers = HTTPHeaders([("Content-Length", "\(text.utf8.count)")])
            let head = HTTPResponseHead(
                version: .http1_1,
                status: HTTPResponseStatus(statusCode: status),
                headers: headers
            )
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        case .beginning(let text):
            context.write(wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .ok))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
        }
    }
}
