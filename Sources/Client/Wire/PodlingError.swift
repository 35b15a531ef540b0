import PodlingProtocol

/// A master's error reply (proto-spec section 8).
public struct PodlingError: Error, Hashable, CustomStringConvertible {
    /// A stable code, such as `not_found`; this version may not know all of them.
    public let code: String
    /// A human-readable message; not safe for a terminal as it is.
    public let message: String
    /// The member at fault, as a path: `tasks[3].env`.
    public let field: String?
    /// Whether a retry of the same request may succeed.
    public let isRetryable: Bool
    /// How long to wait before that; nil where the master asks for no time.
    public let retryAfterMilliseconds: Int?
    /// Whether the master closed the connection after this.
    public let isFatal: Bool

    /// Whether the master is a standby: another leads (proto-spec section 3.1).
    public var isNotLeader: Bool { code == ErrorCode.notLeader.rawValue }

    /// Whether the master rejects this peer, or denies it this operation (proto-spec section 8).
    var isRefusal: Bool { code == ErrorCode.unauthenticated.rawValue || code == ErrorCode.forbidden.rawValue }

    package init(
        code: String,
        message: String,
        field: String? = nil,
        isRetryable: Bool = false,
        retryAfterMilliseconds: Int? = nil,
        isFatal: Bool = false
    ) {
        self.code = code
        self.message = message
        self.field = field
        self.isRetryable = isRetryable
        self.retryAfterMilliseconds = retryAfterMilliseconds
        self.isFatal = isFatal
    }

    /// Parses an `err` member.
    init(_ json: JSONValue) {
        self.init(
            code: json["code"]?.string() ?? "internal",
            message: json["msg"]?.string() ?? "",
            field: json["field"]?.string(),
            isRetryable: json["retryable"]?.bool() ?? false,
            retryAfterMilliseconds: json["retry_after_ms"]?.int(),
            isFatal: json["fatal"]?.bool() ?? false
        )
    }

    /// The message and the code; not safe for a terminal as it is.
    public var description: String { message.isEmpty ? code : "\(message) (\(code))" }
}
