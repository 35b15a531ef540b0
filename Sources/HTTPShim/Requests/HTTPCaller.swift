import HTTPTypes
import Hummingbird
import PodlingMaster
import PodlingProtocol
import PodlingTLS

/// Who a request comes from, as far as it shows.
struct HTTPCaller: Sendable, Hashable {
    static let nobody = HTTPCaller()

    /// What stands after `Authorization: Bearer`; never told to anybody but the master.
    private(set) var token: String?
    /// What was shown in TLS.
    private(set) var certificate: CertificateFacts?

    private init() {}

    /// RFC 6750, section 2.1. Any other header is refused.
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

    /// `hello` as a client.
    var helloLine: [UInt8] {
        jsonBytes { out in
            out.raw(#"{"op":"hello","proto":1,"role":"client","agent":"podling-http""#)
            writeToken(to: &out)
            out.raw("}")
        }
    }

    /// `hello` as the worker of a node.
    func helloLine(nodeId: String, instance: String) -> [UInt8] {
        jsonBytes { out in
            out.raw(#"{"op":"hello","proto":1,"role":"worker","agent":"podling-http","node":"#)
            out.string(nodeId)
            out.raw(#","instance":"#)
            out.string(instance)
            writeToken(to: &out)
            out.raw("}")
        }
    }

    private func writeToken(to out: inout JSONWriter) {
        guard let token else { return }
        out.raw(#","token":"#)
        out.string(token)
    }
}
