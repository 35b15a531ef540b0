import PodlingAccess
import PodlingProtocol
import PodlingTLS

/// Who the holder of a certificate is that the client CA vouches for (proto-spec.md, section 3.2).
enum CertificateHolder: Equatable {
    case known(Identity)
    /// It says nothing about who this is: a token is needed.
    case unknown
    /// Why nobody gets in with it, for people.
    case refused(String)

    private static let prefix = "podling://"
    private static let nodePrefix = "podling://node/"

    /// - Parameter role: that of certificates which name no node; nil needs a token.
    init(_ certificate: CertificateFacts, role: Role?) {
        self.init(subject: certificate.subject, names: certificate.names, role: role)
    }

    /// Its URIs are escaped already where they hold anything but printable ASCII.
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
        var node = String(uri.dropFirst(Self.nodePrefix.count))
        guard uri.hasPrefix(Self.nodePrefix), node.withUTF8({ NameRules.isNodeName(UnsafeRawBufferPointer($0)) }) else {
            self = .refused("the certificate's URI \(uri.prefix(128)) is not podling://node/ID")
            return
        }
        self = .known(Identity(role: .worker, name: node, node: node))
    }
}
