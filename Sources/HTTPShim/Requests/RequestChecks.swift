import HTTPTypes
import Hummingbird
import PodlingProtocol

/// Checks of a request before its route handles it, against cross-site request forgery.
///
/// Authentication may be off, or a browser may send a certificate by itself, so a web page open in the user's browser
/// must not be able to act here. A page of another origin can send only the content types of HTML forms without a CORS
/// preflight: bodies must therefore be `application/json`, and a preflight is never granted. Requests without a body
/// are covered by `Origin`, which browsers add to everything that is not GET or HEAD: no page is served here, so any
/// such request is cross-site. GET, and a page whose name was made to resolve to this machine, are covered by
/// `HostNames`.
enum RequestChecks {
    private static let host = HTTPField.Name("Host")

    /// - Parameter names: nil where authentication is required, so that any name will do.
    static func checkHost(_ request: Request, _ names: HostNames?) throws(HTTPProblem) {
        // The first Host is the authority; a second one stays among the other headers (RFC 9112, section 3.2).
        guard let name = request.head.authority, host.flatMap({ request.headers[$0] }) == nil else {
            throw .badRequest("Host: must be there, once", field: "Host")
        }
        guard let names, !names.contains(name) else { return }
        throw HTTPProblem(
            status: .misdirectedRequest,
            code: "misdirected_request",
            message: "Host: \(name) is no name of this master; if it is, start it with --http-host NAME",
            field: "Host"
        )
    }

    /// Checks `Expect` (RFC 9110, section 10.1.1). A 100 (Continue) has been sent already.
    static func checkExpect(_ request: Request) throws(HTTPProblem) {
        guard let expected = request.headers[.expect], expected.lowercased() != "100-continue" else { return }
        throw HTTPProblem(
            status: .expectationFailed,
            code: "bad_request",
            message: "Expect: only 100-continue is known",
            field: "Expect"
        )
    }

    static func checkOrigin(_ request: Request) throws(HTTPProblem) {
        guard request.method != .get, request.method != .head, request.headers[.origin] != nil else { return }
        throw HTTPProblem(status: .forbidden, code: "forbidden", message: "requests from web pages are not taken")
    }

    static func checkContentType(_ request: Request) throws(HTTPProblem) {
        let given = request.headers[.contentType]
        let mediaType = given?.split(separator: ";", omittingEmptySubsequences: false).first ?? ""
        guard mediaType.filter({ $0 != " " && $0 != "\t" }).lowercased() != "application/json" else { return }
        throw HTTPProblem(
            status: .unsupportedMediaType,
            code: "unsupported_media_type",
            message: "the body must be application/json, this is \(given ?? "not said"): "
                + "with curl, add -H 'Content-Type: application/json'"
        )
    }

    /// Parses the query's parameters; each of `allowed` at most once, no others.
    static func query(_ request: Request, allowed: [String] = []) throws(HTTPProblem) -> [String: String] {
        var found: [String: String] = [:]
        for (key, value) in request.uri.queryParameters {
            let name = String(key)
            guard allowed.contains(name) else {
                let known = allowed.isEmpty ? "none is known here" : "known: " + allowed.joined(separator: ", ")
                throw .badRequest("unknown query parameter \"\(name)\"; \(known)", field: name)
            }
            guard !value.isEmpty else { throw .badRequest("query parameter \"\(name)\" has no value", field: name) }
            guard found.updateValue(String(value), forKey: name) == nil else {
                throw .badRequest("query parameter \"\(name)\" is there twice", field: name)
            }
        }
        return found
    }
}
