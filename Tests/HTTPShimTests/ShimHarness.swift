import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import PodlingMaster
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

/// The shim before a door, with a client.
func withShim<R>(
    _ door: any MasterDoor,
    _ setup: TestingSetup = .router,
    configuration: HTTPShimConfiguration = HTTPShimConfiguration(port: 0),
    _ body: @Sendable (ShimClient) async throws -> R
) async throws -> R {
    var logger = Logger(label: "http-shim-tests")
    logger.logLevel = .critical
    let shim = HTTPShim(door: door, configuration: configuration, logger: logger)
    return try await shim.application.test(setup) { try await body(ShimClient(client: $0)) }
}

struct ShimClient: Sendable {
    let client: any TestClientProtocol

    func send(_ call: Call) async throws -> Answer {
        let response = try await client.executeRequest(
            uri: call.uri,
            method: call.method,
            headers: call.headers,
            body: call.body.map(ByteBuffer.init(string:))
        )
        return Answer(
            status: response.status.code,
            headers: response.headers,
            body: String(buffer: response.body)
        )
    }
}
