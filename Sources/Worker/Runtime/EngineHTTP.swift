import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1

/// HTTP to an engine over its unix socket.
///
/// There are two clients: short calls and long ones (wait, logs, pull, stop) do not compete for connections, so that a
/// hundred open waits cannot keep a kill from going out.
struct EngineHTTP: Sendable {
    enum Lane: Sendable {
        case short
        case long
    }

    struct Reply: Sendable {
        var status: Int
        var body: ByteBuffer

        var isSuccess: Bool { (200..<300).contains(status) }

        /// The engine's own words, for people.
        var message: String {
            struct Failure: Decodable { var message: String }
            if let failure = try? JSONDecoder().decode(Failure.self, from: Data(body.readableBytesView)) {
                return failure.message
            }
            return String(String(buffer: body).prefix(512))
        }

        func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            do {
                return try JSONDecoder().decode(type, from: Data(body.readableBytesView))
            } catch {
                throw RuntimeError(.other, "the engine's answer cannot be read: \(error)", retryable: true)
            }
        }
    }

    static let shortConnectionsMax = 16
    static let longConnectionsMax = 4_096
    static let connectTimeoutSeconds: Int64 = 5
    static let bodyBytesMax = 64 << 20

    let socketPath: String
    private let base: String
    private let short: HTTPClient
    private let long: HTTPClient

    init(socketPath: String) {
        self.socketPath = socketPath
        base = "http+unix://" + Self.percentEncoded(socketPath)
        short = Self.client(connectionsMax: Self.shortConnectionsMax)
        long = Self.client(connectionsMax: Self.longConnectionsMax)
    }

    func shutdown() async {
        try? await short.shutdown()
        try? await long.shutdown()
    }

    /// One request and its whole answer, within `deadlineSeconds`.
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
            do {
                let body = try await response.body.collect(upTo: Self.bodyBytesMax)
                return Reply(status: Int(response.status.code), body: body)
            } catch {
                throw Self.translated(error, socketPath: socketPath)
            }
        }
    }

    /// One request whose answer is read as it comes. Only the time to the answer's head is bounded.
    func open(
        _ method: HTTPMethod,
        _ path: String,
        query: [(String, String)],
        headSeconds: Double
    ) async throws -> HTTPClientResponse {
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
    ) async throws -> HTTPClientResponse {
        var url = base + path
        if !query.isEmpty {
            url += "?" + query.map { "\($0)=\(Self.percentEncoded($1))" }.joined(separator: "&")
        }
        var request = HTTPClientRequest(url: url)
        request.method = method
        request.headers.add(name: "Host", value: "engine")
        if let json {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(json)
        }
        let client =
            switch lane {
            case .short: short
            case .long: long
            }
        do {
            // The real bound is the caller's; this one only has to be later.
            return try await client.execute(request, timeout: .hours(24 * 365))
        } catch {
            throw Self.translated(error, socketPath: socketPath)
        }
    }

    /// RFC 3986: everything but the unreserved characters is escaped.
    static func percentEncoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                out.append(byte)
            default:
                out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// Whatever went wrong below HTTP means that the engine cannot be reached.
    static func translated(_ error: any Error, socketPath: String) -> any Error {
        if error is RuntimeError || error is CancellationError { return error }
        if let error = error as? HTTPClientError, error == .cancelled { return CancellationError() }
        return RuntimeError(.engineUnavailable, "the container engine at \(socketPath) does not answer: \(error)")
    }

    private static func client(connectionsMax: Int) -> HTTPClient {
        var configuration = HTTPClient.Configuration()
        configuration.httpVersion = .http1Only
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = .seconds(connectTimeoutSeconds)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = connectionsMax
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: configuration)
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
