import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// Reads the bodies of requests, which take a bounded amount of memory together.
final class RequestBodies: Sendable {
    private let bytesMax: Int
    private let totalBytesMax: Int
    private let timeoutSeconds: Int
    private let heldBytes = Mutex(0)

    init(_ configuration: HTTPShimConfiguration) {
        bytesMax = configuration.bodyBytesMax
        totalBytesMax = configuration.bodiesBytesMax
        timeoutSeconds = configuration.bodyTimeoutSeconds
    }

    /// What one body takes; given back when the last reference goes, also where its request came to no end.
    final class Share: Sendable {
        private let bodies: RequestBodies
        private let bytes = Mutex(0)

        fileprivate init(_ bodies: RequestBodies) { self.bodies = bodies }

        deinit {
            let bytes = bytes.withLock { $0 }
            bodies.heldBytes.withLock { $0 -= bytes }
        }

        fileprivate func grow(by count: Int) throws(HTTPProblem) {
            let fits = bodies.heldBytes.withLock { held in
                guard count <= bodies.totalBytesMax - held else { return false }
                held += count
                return true
            }
            guard fits else {
                var problem = HTTPProblem.overloaded(
                    "the bodies of other requests take all the memory there is for them"
                )
                problem.endsConnection = true
                throw problem
            }
            bytes.withLock { $0 += count }
        }
    }

    /// Reads a required body.
    func required(_ request: Request) async throws -> JSONBody {
        try RequestChecks.checkContentType(request)
        let (bytes, share) = try await collect(request)
        return try JSONBody(bytes, share)
    }

    /// Reads an optional body.
    func optional(_ request: Request) async throws -> JSONBody? {
        let (bytes, share) = try await collect(request)
        guard !bytes.isEmpty else { return nil }
        try RequestChecks.checkContentType(request)
        return try JSONBody(bytes, share)
    }

    private func collect(_ request: Request) async throws -> ([UInt8], Share) {
        if let length = request.headers[.contentLength].flatMap(Int.init), length > bytesMax {
            throw HTTPProblem.tooLarge(bytesMax: bytesMax)
        }
        let deadline = ContinuousClock.now + .seconds(timeoutSeconds)
        let share = Share(self)
        var bytes: [UInt8] = []
        // A pause between two parts is bounded by the connection's idle time-out.
        for try await part in request.body {
            guard part.readableBytes <= bytesMax - bytes.count else { throw HTTPProblem.tooLarge(bytesMax: bytesMax) }
            guard ContinuousClock.now < deadline else { throw HTTPProblem.tooSlow }
            try share.grow(by: part.readableBytes)
            bytes.append(contentsOf: part.readableBytesView)
        }
        return (bytes, share)
    }
}
