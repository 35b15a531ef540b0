import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import PodlingMaster
import ServiceLifecycle
import Testing

@testable import PodlingHTTP

/// One exchange to make.
struct Call: Sendable, CustomTestStringConvertible {
    var method: HTTPRequest.Method
    var uri: String
    var body: String?
    var headers: HTTPFields

    init(_ method: HTTPRequest.Method, _ uri: String, _ body: String? = nil, headers: HTTPFields? = nil) {
        self.method = method
        self.uri = uri
        self.body = body
        self.headers = headers ?? (body == nil ? [:] : [.contentType: "application/json"])
    }

    var testDescription: String { "\(method.rawValue) \(uri) \(body?.prefix(60) ?? "")" }
}

/// A response, its body as text.
struct Answer {
    let status: Int
    let headers: HTTPFields
    let body: String

    func header(_ name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }
}

/// The shim before a door, on a free port of loopback, with a client.
func withShim<R: Sendable>(
    _ door: any MasterDoor,
    configuration: HTTPShimConfiguration = HTTPShimConfiguration(port: 0),
    _ body: @Sendable (ShimClient) async throws -> R
) async throws -> R {
    var logger = Logger(label: "http-shim-tests")
    logger.logLevel = .critical
    let (ports, listening) = AsyncStream.makeStream(of: Int.self)
    let shim = HTTPShim(door: door, configuration: configuration, logger: logger) { listening.yield($0) }
    let group = ServiceGroup(services: [shim], logger: logger)
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask {
            // Without a port, whoever waits for one is to hear of it.
            defer { listening.finish() }
            try await group.run()
        }
        let port = try #require(await ports.first { _ in true }, "the shim does not listen")
        let result: Result<R, any Error>
        do { result = .success(try await body(ShimClient(port: port))) } catch { result = .failure(error) }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
        return try result.get()
    }
}

/// A client of HTTP/1.1; each exchange has a connection of its own.
struct ShimClient: Sendable {
    let port: Int

    struct Incomplete: Error {}

    func send(_ call: Call) async throws -> Answer {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers(
                        enableOutboundHeaderValidation: false
                    )
                    return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
                        wrappingChannelSynchronously: channel
                    )
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(contentsOf: Self.parts(call))
            return try await Self.answer(inbound)
        }
    }

    private static func parts(_ call: Call) -> [HTTPClientRequestPart] {
        var headers = HTTPHeaders(call.headers.map { ($0.name.canonicalName, $0.value) })
        headers.add(name: "host", value: "localhost")
        if let body = call.body, !headers.contains(name: "transfer-encoding") {
            headers.add(name: "content-length", value: "\(body.utf8.count)")
        }
        let method = HTTPMethod(rawValue: call.method.rawValue)
        let head = HTTPRequestHead(version: .http1_1, method: method, uri: call.uri, headers: headers)
        let body = call.body.map { [HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(string: $0)))] } ?? []
        return [.head(head)] + body + [.end(nil)]
    }

    private static func answer(_ inbound: NIOAsyncChannelInboundStream<HTTPClientResponsePart>) async throws -> Answer {
        var head = HTTPResponseHead(version: .http1_1, status: .custom(code: 0, reasonPhrase: ""))
        var body = ByteBuffer()
        for try await part in inbound {
            switch part {
            case .head(let received): head = received
            case .body(var piece): body.writeBuffer(&piece)
            case .end:
                var headers = HTTPFields()
                for (name, value) in head.headers {
                    if let name = HTTPField.Name(name) { headers.append(HTTPField(name: name, value: value)) }
                }
                return Answer(status: Int(head.status.code), headers: headers, body: String(buffer: body))
            }
        }
        throw Incomplete()
    }
}
