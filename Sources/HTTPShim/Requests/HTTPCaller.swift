import HTTPTypes
import Hummingbird
import PodlingMaster
import PodlingProtocol
import PodlingTLS

/// The credentials of a request.
struct HTTPCaller: Sendable, Hashable {
    static let nobody = HTTPCaller()

    /// The bearer token of `Authorization`; sent to nobody but the master.
    private(set) var token: String?
    /// The verified client certificate.
    private(set) var certificate: CertificateFacts?

    private init() {}

    /// Parses a bearer token (RFC 6750, section 2.1). Any other scheme is rejected.
    init(_ request: Request, certificate: CertificateFacts?) throws(HTTPProblem) {
        self.certificate = certificate
        let values = request.headers[values: .authorization]
        guard let value = values.first else { return }
        let words = value.split(separator: " ", maxSplits: 1)
        guard values.count == 1, words.count == 2, words[0].lowercased() == "bearer" else {
            throw .unauthenticated("Authorization: must be Bearer and a token")
        }
        token = String(words[1].drop { $0 == " " })
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(token)
        hasher.combine(certificate?.subject)
    }

    /// The `hello` line of a client.
    var helloLine: [UInt8] {
        jsonBytes { out in
            Self.beginHello(role: "client", to: &out)
            out.member("token", ifAny: token)
            out.endObject()
        }
    }

    /// The `hello` line of a node's worker.
    func helloLine(nodeId: String, instance: String) -> [UInt8] {
        jsonBytes { out in
            Self.beginHello(role: "worker", to: &out)
            out.member("node", nodeId)
            out.member("instance", instance)
            out.member("token", ifAny: token)
            out.endObject()
        }
    }

    private static func beginHello(role: StaticString, to out: inout JSONWriter) {
        out.beginObject("op", word: "hello")
        out.member("proto", 1)
        out.member("role", word: role)
        out.member("agent", word: "podling-http")
    }
}
