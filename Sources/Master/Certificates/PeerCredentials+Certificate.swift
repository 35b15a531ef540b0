import PodlingAccess
import PodlingProtocol
import PodlingShell
import PodlingTLS

/// What a certificate shows that the client CA has signed (proto-spec.md, section 3.2).
extension PeerCredentials {
    private static let prefix = "podling://"
    private static let nodePrefix = "podling://node/"

    /// - Parameter role: the role of certificates that name no node; nil requires a token.
    init(_ certificate: CertificateFacts, role: Role?) {
        self.init(subject: certificate.subject, names: certificate.names, role: role)
    }

    /// URIs in `names` are escaped already where they hold anything but printable ASCII.
    init(subject: String, names: [CertificateFacts.Name], role: Role?) {
        let ours = names.compactMap { name -> String? in
            guard case .uri(let uri) = name, uri.lowercased().hasPrefix(Self.prefix) else { return nil }
            return uri
        }
        guard let uri = ours.first else {
            self = role.map { .known(Identity(role: $0, name: subject.isEmpty ? "unnamed" : subject)) } ?? .unknown
            return
        }
        guard ours.count == 1 else {
            self = .refused("the certificate has \(ours.count) URIs podling://, and may have one")
            return
        }
        let node = String(uri.dropFirst(Self.nodePrefix.count))
        guard uri.hasPrefix(Self.nodePrefix), node.follows(NameRules.isNodeName) else {
            self = .refused("the certificate's URI \(uri.prefix(128)) is not podling://node/ID")
            return
        }
        self = .known(Identity(role: .worker, name: node, node: node))
    }
}
