import HTTPTypes
import Hummingbird
import PodlingProtocol

/// An error response: `{"error":"...","code":"...","field":"..."}`.
struct HTTPProblem: Error, Sendable {
    let status: HTTPResponse.Status
    /// An error code of proto-spec.md, section 8, or one of HTTP's own below.
    let code: String
    let message: String
    /// The member, parameter or part of the path at fault.
    var field: String?
    /// HOST:PORT of the leading master, for `not_leader`.
    var leader: String?
    /// `Retry-After`, for 503.
    var retryAfterSeconds: Int?
    /// `Allow`, for 405.
    var allow: [HTTPRequest.Method] = []
    /// Whether the connection is closed, since the rest of the request is not worth reading.
    var endsConnection = false

    static func badRequest(_ message: String, field: String? = nil) -> Self {
        Self(status: .badRequest, code: "bad_request", message: message, field: field)
    }

    static func badJSON(_ error: JSONError) -> Self {
        Self(status: .badRequest, code: "bad_json", message: "the body is not a JSON object: \(error)")
    }

    static func unauthenticated(_ message: String, field: String? = nil) -> Self {
        Self(status: .unauthorized, code: "unauthenticated", message: message, field: field)
    }

    var isUnauthenticated: Bool { status == .unauthorized }

    static func notFound(_ message: String) -> Self {
        Self(status: .notFound, code: "not_found", message: message)
    }

    static func conflict(_ message: String) -> Self {
        Self(status: .conflict, code: "conflict", message: message)
    }

    static func tooLarge(bytesMax: Int) -> Self {
        let message = "the body is over \(bytesMax) bytes"
        return Self(status: .contentTooLarge, code: "payload_too_large", message: message, endsConnection: true)
    }

    static var tooSlow: Self {
        Self(status: .requestTimeout, code: "timeout", message: "the body took too long", endsConnection: true)
    }

    static func unavailable(_ message: String) -> Self {
        Self(status: .serviceUnavailable, code: "unavailable", message: message, retryAfterSeconds: 1)
    }

    static func overloaded(_ message: String) -> Self {
        Self(status: .serviceUnavailable, code: "overloaded", message: message, retryAfterSeconds: 5)
    }

    static var badReply: Self {
        Self(status: .internalServerError, code: "internal", message: "the master's reply could not be read")
    }

    /// Maps an `err` of the protocol.
    init(err: JSONValue) {
        let code = err["code"]?.string() ?? "internal"
        self.code = code
        message = err["msg"]?.string() ?? code
        field = err["field"]?.string()
        leader = err["leader"]?.string()
        status = Self.status(ofCode: code)
        if status == .serviceUnavailable {
            let milliseconds = err["retry_after_ms"]?.int() ?? 1000
            retryAfterSeconds = max(1, milliseconds / 1000 + (milliseconds % 1000 > 0 ? 1 : 0))
        }
    }

    init(
        status: HTTPResponse.Status,
        code: String,
        message: String,
        field: String? = nil,
        retryAfterSeconds: Int? = nil,
        allow: [HTTPRequest.Method] = [],
        endsConnection: Bool = false
    ) {
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.retryAfterSeconds = retryAfterSeconds
        self.allow = allow
        self.endsConnection = endsConnection
    }

    private static func status(ofCode code: String) -> HTTPResponse.Status {
        switch ErrorCode(rawValue: code) {
        case .badJSON, .badRequest, .cursorExpired: .badRequest
        case .unauthenticated: .unauthorized
        case .forbidden: .forbidden
        case .notFound: .notFound
        case .conflict, .staleAttempt, .unregistered, .storeRefused: .conflict
        case .lineTooLong: .contentTooLarge
        case .overloaded, .draining, .unavailable, .notLeader, .slowConsumer, .timeout: .serviceUnavailable
        case .unknownOp, .helloRequired, .unsupportedVersion, .wrongProtocol, .tlsRequired, .internal, nil:
            .internalServerError
        }
    }

    var response: Response { .json(body, status: status, headers: headers) }

    var headers: HTTPFields {
        var headers = HTTPFields()
        if let retryAfterSeconds { headers[.retryAfter] = String(retryAfterSeconds) }
        if !allow.isEmpty { headers[.allow] = allow.map(\.rawValue).joined(separator: ", ") }
        // The challenge of RFC 6750, section 3.
        if isUnauthenticated {
            headers[.wwwAuthenticate] = "Bearer realm=\"podling\"" + (field == nil ? "" : ", error=\"invalid_token\"")
        }
        if endsConnection { headers[.connection] = "close" }
        return headers
    }

    var body: [UInt8] {
        jsonBytes { out in
            out.beginObject("error", message)
            out.member("code", code)
            out.member("field", ifAny: field)
            out.member("leader", ifAny: leader)
            out.endBody()
        }
    }
}
