import PodlingProtocol

/// What a master answered instead of success (proto-spec section 8).
public struct PodlingError: Error, Hashable, CustomStringConvertible {
    /// A stable code, such as `not_found`; codes may come that this version does not know.
    public let code: String
    /// For people; not safe for a terminal as it is.
    public let message: String
    /// The member at fault, as a path: `tasks[3].env`.
    public let field: String?
    /// The same request may succeed later.
    public let isRetryable: Bool
    public let retryAfterMilliseconds: Int?
    /// The master closed the connection after this.
    public let isFatal: Bool

    /// The master stands by: another leads (proto-spec section 3.1).
    public var isNotLeader: Bool { code == ErrorCode.notLeader.rawValue }

    /// The master does not let this peer in, or not for this (proto-spec section 8).
    var isRefusal: Bool { code == ErrorCode.unauthenticated.rawValue || code == ErrorCode.forbidden.rawValue }

    public init(
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

    /// Reads an `err` member.
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

    public var description: String { message.isEmpty ? code : "\(message) (\(code))" }
}
