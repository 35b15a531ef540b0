/// The authenticated identity of a peer, by a token or a certificate.
package struct Identity: Sendable, Equatable {
    package var role: Role
    /// The name for logs and the audit; never the secret.
    package var name: String
    /// The node that a worker is bound to; nil allows any.
    package var node: String?

    package init(role: Role, name: String, node: String? = nil) {
        self.role = role
        self.name = name
        self.node = node
    }
}

extension Identity: CustomStringConvertible {
    /// The form for logs and the audit: `reader alice`.
    package var description: String { "\(role.rawValue) \(name)" }
}
