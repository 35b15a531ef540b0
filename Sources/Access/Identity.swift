/// The authenticated identity of a peer, by a token or a certificate.
public struct Identity: Sendable, Equatable {
    public var role: Role
    /// The name for logs and the audit; never the secret.
    public var name: String
    /// The node that a worker is bound to; nil allows any.
    public var node: String?

    public init(role: Role, name: String, node: String? = nil) {
        self.role = role
        self.name = name
        self.node = node
    }
}

extension Identity: CustomStringConvertible {
    /// The form for logs and the audit: `reader alice`.
    public var description: String { "\(role.rawValue) \(name)" }
}
