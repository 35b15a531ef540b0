/// The `err` of a reply or of an `error` event (proto-spec.md, section 4).
public struct WireError: Error, Sendable, Equatable {
    /// The code, which decides what a peer does.
    public var code: ErrorCode
    /// A human-readable message that names the member at fault.
    public var message: String
    /// The member at fault as a path (`tasks[3].env`).
    public var field: String?
    /// Whether the same request may succeed later.
    public var isRetryable: Bool
    /// Whether the connection is closed after it.
    public var isFatal: Bool
    /// How long a peer should wait before it tries again.
    public var retryAfterMilliseconds: Int?
    /// HOST:PORT of the leading master, where this one does not lead and knows it.
    public var leader: String?

    /// An error, which is retryable and fatal as its code is, where nothing else is given.
    ///
    /// - Parameters:
    ///   - code: the code.
    ///   - message: a human-readable message.
    ///   - field: the member at fault as a path.
    ///   - isRetryable: whether the same request may succeed later.
    ///   - isFatal: whether the connection is closed after it.
    ///   - retryAfterMilliseconds: how long a peer should wait before it tries again.
    ///   - leader: HOST:PORT of the leading master.
    public init(
        _ code: ErrorCode,
        _ message: String,
        field: String? = nil,
        isRetryable: Bool? = nil,
        isFatal: Bool? = nil,
        retryAfterMilliseconds: Int? = nil,
        leader: String? = nil
    ) {
        self.code = code
        self.message = message
        self.field = field
        self.isRetryable = isRetryable ?? code.isRetryable
        self.isFatal = isFatal ?? code.isFatal
        self.retryAfterMilliseconds = retryAfterMilliseconds
        self.leader = leader
    }

    /// The error for a member that is missing, unknown or wrong: "`field`: `fault`".
    public static func field(_ field: String, _ fault: String) -> WireError {
        WireError(.badRequest, "\(field): \(fault)", field: field)
    }

    /// Returns the same error with `prefix` before its field's path.
    public func under(_ prefix: String) -> WireError {
        guard let field else { return self }
        var error = self
        error.field = "\(prefix).\(field)"
        error.message = "\(prefix).\(message)"
        return error
    }

    /// Appends the object `{"code":...}`.
    public func write(to writer: inout JSONWriter) {
        writer.beginObject("code", code.rawValue)
        writer.member("msg", message)
        writer.member("field", ifAny: field)
        writer.member("retryable", isRetryable)
        writer.member("retry_after_ms", ifAny: retryAfterMilliseconds)
        writer.member("leader", ifAny: leader)
        if isFatal { writer.member("fatal", true) }
        writer.endObject()
    }

    /// Appends the line `{"ev":"error","err":{...}}` without its LF.
    public func writeEvent(to writer: inout JSONWriter) {
        writer.beginObject("ev", word: "error")
        writer.key("err")
        write(to: &writer)
        writer.endObject()
    }
}
