/// A runtime's error, with a human-readable message.
package struct RuntimeError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: String, Sendable {
        /// The registry or the network failed while pulling.
        case imagePull = "image_pull"
        /// There is no such image, or it is not available locally and must not be pulled.
        case imageNotFound = "image_not_found"
        /// The container's name is taken by something that is not this attempt.
        case nameConflict = "name_conflict"
        /// There is no such container.
        case notFound = "not_found"
        /// The engine does not answer.
        case engineUnavailable = "engine_unavailable"
        /// The spec cannot be run: rejected by the worker, or by the engine.
        case invalidSpec = "invalid_spec"
        /// The engine did not answer in time.
        case timeout
        case other
    }

    package var kind: Kind
    package var message: String
    /// Whether a retry of the same call on this node may succeed.
    package var isRetryable: Bool

    package init(_ kind: Kind, _ message: String, retryable: Bool? = nil) {
        self.kind = kind
        self.message = message
        switch kind {
        case .imagePull, .engineUnavailable, .timeout: isRetryable = retryable ?? true
        case .imageNotFound, .nameConflict, .notFound, .invalidSpec, .other: isRetryable = retryable ?? false
        }
    }

    package var description: String { "\(kind.rawValue): \(message)" }
}
