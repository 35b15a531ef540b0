import PodlingAccess
import PodlingProtocol

/// The members of `hello` (proto-spec.md, section 6.1).
struct HelloRequest {
    enum Peer {
        case client
        case worker(node: String, instance: String)
    }

    let peer: Peer
    private let token: JSONValue?

    init(_ root: JSONValue) throws(WireError) {
        guard let version = try root.required("proto").int() else { throw .field("proto", "must be an integer") }
        // Another version may have other roles, so it is checked before them.
        guard version == 1 else {
            throw WireError(.unsupportedVersion, "proto: this master speaks versions 1 to 1", field: "proto")
        }
        let role = try root.required("role")
        if role.stringEquals("worker") {
            let rule: StaticString = "must be 1 to 63 of A-Z a-z 0-9 - _ ."
            peer = .worker(
                node: try root.required("node").name("node", NameRules.isNodeName, rule),
                instance: try root.required("instance").name("instance", NameRules.isNodeName, rule)
            )
        } else {
            guard Self.isOfClient(root) else { throw .field("role", "must be client or worker") }
            peer = .client
        }
        token = root.optional("token")
        guard token?.isString ?? true else { throw .field("token", "must be a string") }
    }

    /// The digest of its token; nil without one.
    func tokenDigest() throws(WireError) -> TokenDigest? {
        guard let token else { return nil }
        guard let digest = token.withUTF8({ TokenDigest(hashing: $0) }) else {
            throw WireError(.internal, "token: OpenSSL does not compute SHA-256")
        }
        return digest
    }

    /// Whether a client says it, whatever its other members are.
    static func isOfClient(_ root: JSONValue) -> Bool { root["role"]?.stringEquals("client") == true }

    /// The worker's node; nil for a client.
    var node: String? { if case .worker(let node, _) = peer { node } else { nil } }
}
