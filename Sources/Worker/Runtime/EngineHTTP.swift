import FoundationEssentials
import NIOCore
import NIOHTTP1
import PodlingAgent
import PodlingProtocol

/// An HTTP client for an engine's unix socket.
///
/// Each request has a connection of its own, which over a unix socket is simpler than reusing one. There are two lanes:
/// short calls and long ones (wait, logs, pull, stop) do not compete for connections, so that a hundred open waits
/// cannot delay a kill.
struct EngineHTTP: Sendable {
    enum Lane: Sendable {
        case short
        case long
    }

    struct Reply: Sendable {
        /// Length limit of the engine's message; the master accepts no more of an error's text either.
        static let messageCharactersMax = 4_096

        var status: Int
        var body: ByteBuffer

        var isSuccess: Bool { (200..<300).contains(status) }

        /// The engine's own human-readable message.
        var message: String {
            struct Failure: Decodable { var message: String }
            let failure = try? JSONDecoder().decode(Failure.self, from: Data(body.readableBytesView))
            guard let failure else { return String(decoding: body.readableBytesView.prefix(512), as: UTF8.self) }
            return String(failure.message.prefix(Self.messageCharactersMax))
        }

        func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            do {
                return try JSONDecoder().decode(type, from: Data(body.readableBytesView))
            } catch {
                throw RuntimeError(.other, "the engine's answer cannot be read: \(error)", retryable: true)
            }
        }
    }

    /// A response whose body is streamed.
    struct Response: Sendable {
        var status: Int
        var body: EngineBody

        /// Reads all of a short response, such as an error.
        func reply(deadlineSeconds: Double) async throws -> Reply {
            try await withDeadline(seconds: deadlineSeconds, what: "reading the engine's answer") {
                Reply(status: status, body: try await body.collect(upTo: EngineHTTP.bodyBytesMax))
            }
        }
    }

    static let shortConnectionsMax = 16
    static let longConnectionsMax = 4_096
    static let bodyBytesMax = 64 << 20

    let socketPath: String
    private let bodyBytesMax: Int
    private let short = EngineLane(connectionsMax: shortConnectionsMax)
    private let long = EngineLane(connectionsMax: longConnectionsMax)

    init(socketPath: String, bodyBytesMax: Int = bodyBytesMax) {
        self.socketPath = socketPath
        self.bodyBytesMax = bodyBytesMax
    }

    /// Count of connections that are open or being opened.
    var connectionCount: Int { short.connectionCount + long.connectionCount }

    func shutdown() async {
        await short.shutDown()
        await long.shutDown()
    }

    /// Makes one request and reads the whole response, within `deadlineSeconds`.
    func call(
        _ method: HTTPMethod,
        _ path: String,
        query: [(String, String)] = [],
        json: ByteBuffer? = nil,
        lane: Lane = .short,
        deadlineSeconds: Double
    ) async throws -> Reply {
        try await withDeadline(seconds: deadlineSeconds, what: "\(method) \(path)") {
            let response = try await send(method, path, query: query, json: json, lane: lane)
            return Reply(status: response.status, body: try await response.body.collect(upTo: bodyBytesMax))
        }
    }

    /// Makes one request whose response is streamed. Only the time to the response's head is bounded.
    func open(
        _ method: HTTPMethod,
        _ path: String,
        query: [(String, String)],
        headSeconds: Double
    ) async throws -> Response {
        try await withDeadline(seconds: headSeconds, what: "\(method) \(path)") {
            try await send(method, path, query: query, json: nil, lane: .long)
        }
    }

    private func send(
        _ method: HTTPMethod,
        _ path: String,
        query: [(String, String)],
        json: ByteBuffer?,
        lane: Lane
    ) async throws -> Response {
        var head = HTTPRequestHead(version: .http1_1, method: method, uri: try Self.uri(path, query))
        head.headers.add(name: "Host", value: "engine")
        head.headers.add(name: "Connection", value: "close")
        if let json {
            head.headers.add(name: "Content-Type", value: "application/json")
            head.headers.add(name: "Content-Length", value: "\(json.readableBytes)")
        } else if method != .GET {
            head.headers.add(name: "Content-Length", value: "0")
        }
        let lane =
            switch lane {
            case .short: short
            case .long: long
            }
        do {
            let connection = try await lane.connect(socketPath: socketPath)
            connection.send(head, body: json)
            let status = try await connection.head().status.code
            return Response(status: Int(status), body: EngineBody(connection: connection, socketPath: socketPath))
        } catch {
            throw Self.translated(error, socketPath: socketPath)
        }
    }

    /// - Throws: where `path` would break the request line.
    private static func uri(_ path: String, _ query: [(String, String)]) throws(RuntimeError) -> String {
        guard path.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw RuntimeError(.invalidSpec, "the engine cannot be asked for a path with white space or such")
        }
        guard !query.isEmpty else { return path }
        return path + "?" + query.map { "\($0)=\(PercentCoding.encoded($1))" }.joined(separator: "&")
    }

    /// Maps every failure below HTTP to an unavailable engine.
    static func translated(_ error: any Error, socketPath: String) -> any Error {
        if error is RuntimeError || error is CancellationError { return error }
        let engine = "the container engine at \(socketPath)"
        if error is EngineFault { return RuntimeError(.engineUnavailable, "\(engine) does not answer well: \(error)") }
        if error is HTTPParserError || error is NIOHTTPDecoderError {
            return RuntimeError(.engineUnavailable, "\(engine) does not speak HTTP as it should: \(error)")
        }
        return RuntimeError(.engineUnavailable, "\(engine) does not answer: \(error)")
    }
}

/// Runs `work` and fails with `.timeout` when it takes longer. Cancelling the caller cancels `work`.
func withDeadline<Value: Sendable>(
    seconds: Double,
    what: String,
    _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await work() }
        group.addTask {
            try await Task.sleep(for: .seconds(seconds))
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let value = first else {
            throw RuntimeError(.timeout, "\(what) took longer than \(seconds) s")
        }
        return value
    }
}
