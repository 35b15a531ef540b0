import HTTPTypes
import Hummingbird
import NIOCore
import PodlingProtocol

/// A request's body: one I-JSON object, with line breaks removed so that its parts can be embedded in a protocol line.
struct JSONBody: Sendable {
    let bytes: [UInt8]

    /// - Parameter bytes: pretty-printed or not.
    init(_ bytes: [UInt8]) throws(HTTPProblem) {
        do {
            try JSONReader.read(bytes) { _ in }
        } catch let error as JSONError {
            throw .badJSON(error)
        } catch {
            throw .badRequest("the body could not be read")
        }
        // In a valid text, LF and CR occur between tokens only: strings hold them escaped.
        let space = UInt8(ascii: " ")
        self.bytes = bytes.map { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") ? space : $0 }
    }

    func read<R>(_ body: (JSONValue) throws -> R) throws -> R {
        try JSONReader.read(bytes, body)
    }

    /// Reads a required body.
    static func required(_ request: Request, _ configuration: HTTPShimConfiguration) async throws -> JSONBody {
        try RequestChecks.checkContentType(request)
        return try JSONBody(try await collect(request, configuration))
    }

    /// Reads an optional body.
    static func optional(_ request: Request, _ configuration: HTTPShimConfiguration) async throws -> JSONBody? {
        let bytes = try await collect(request, configuration)
        guard !bytes.isEmpty else { return nil }
        try RequestChecks.checkContentType(request)
        return try JSONBody(bytes)
    }

    private static func collect(_ request: Request, _ configuration: HTTPShimConfiguration) async throws -> [UInt8] {
        let bytesMax = configuration.bodyBytesMax
        if let length = request.headers[.contentLength].flatMap(Int.init), length > bytesMax {
            throw HTTPProblem.tooLarge(bytesMax: bytesMax)
        }
        let deadline = ContinuousClock.now + .seconds(configuration.bodyTimeoutSeconds)
        var bytes: [UInt8] = []
        // A pause between two parts is bounded by the connection's idle time-out.
        for try await part in request.body {
            guard part.readableBytes <= bytesMax - bytes.count else { throw HTTPProblem.tooLarge(bytesMax: bytesMax) }
            guard ContinuousClock.now < deadline else {
                throw HTTPProblem(status: .requestTimeout, code: "timeout", message: "the body took too long")
            }
            bytes.append(contentsOf: part.readableBytesView)
        }
        return bytes
    }
}
