import PodlingProtocol

/// The stored record of a token.
package struct TokenRecord: Sendable, Equatable {
    /// The token's human-readable name, also for `token revoke`: 1 to 63 of `A-Z a-z 0-9 - _ .`.
    package var name: String
    package var role: Role
    /// The node that a worker's token is bound to.
    package var node: String?
    package var digest: TokenDigest
    /// Milliseconds since 1970 in UTC.
    package var createdAt: Int64

    /// - Throws: a human-readable message that names the invalid field.
    package init(
        name: String,
        role: Role,
        node: String?,
        digest: TokenDigest,
        createdAt: Int64
    ) throws(TokenError) {
        guard node?.follows(NameRules.isNodeName) != false else {
            throw TokenError("a node id is 1 to 63 of A-Z a-z 0-9 - _ .")
        }
        try Self.check(name: name)
        guard node == nil || role == .worker else { throw TokenError("only a worker's token is bound to a node") }
        self.name = name
        self.role = role
        self.node = node
        self.digest = digest
        self.createdAt = createdAt
    }

    package var identity: Identity { Identity(role: role, name: name, node: node) }

    /// - Throws: a human-readable message with the rule for names.
    package static func check(name: String) throws(TokenError) {
        guard name.follows(NameRules.isNodeName) else { throw TokenError("a name is 1 to 63 of A-Z a-z 0-9 - _ .") }
    }
}

/// A human-readable error about tokens. It holds no secret and no hash.
package struct TokenError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
