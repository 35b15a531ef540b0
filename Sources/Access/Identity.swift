/// Who a peer has shown to be, by a token or a certificate.
public struct Identity: Sendable, Equatable {
    public var role: Role
    /// For logs and the audit; never the secret.
    public var name: String
    /// The node that a worker is bound to; nil may be any.
    public var node: String?

    public init(role: Role, name: String, node: String? = nil) {
        self.role = role
        self.name = name
        self.node = node
    }
}

extension Identity: CustomStringConvertible {
    /// `reader alice`, as logs and the audit have it.
    public var description: String { "\(role.rawValue) \(name)" }
}
