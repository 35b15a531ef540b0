import HTTPTypes
import Hummingbird
import PodlingProtocol

/// What is checked of a request before its route sees it.
///
/// Nobody may be asked who they are, or a browser may show a certificate by itself, so a web page open in the user's
/// browser must not be able to act here. A page of another origin can send, without being asked to by us, only the content types of HTML forms: bodies must therefore be
/// `application/json`, which makes the browser ask first (a CORS preflight), and that is never granted. Requests
/// without a body are covered by `Origin`, which browsers add to everything that is not GET or HEAD: no page is served
/// here, so any such request is a stranger's, name rebinding included.
enum RequestChecks {
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

    /// The query's parameters; each of `allowed` at most once, none else.
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
