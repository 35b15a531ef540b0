import HTTPTypes
import Hummingbird
import PodlingMaster
import PodlingProtocol

/// Who a request comes from, as far as it shows.
struct HTTPCaller: Sendable, Hashable {
    static let nobody = HTTPCaller(token: nil)

    /// What stands after `Authorization: Bearer`; never told to anybody but the master.
    let token: String?

    init(token: String?) { self.token = token }

    /// RFC 6750, section 2.1. Any other way of showing oneself is none.
    init(_ request: Request) throws(HTTPProblem) {
        let values = request.headers[values: .authorization]
        guard let value = values.first else {
            self = .nobody
            return
        }
        let words = value.split(separator: " ", maxSplits: 1)
        guard values.count == 1, words.count == 2, words[0].lowercased() == "bearer" else {
            throw .unauthenticated("Authorization: must be Bearer and a token")
        }
        token = String(words[1].drop { $0 == " " })
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
