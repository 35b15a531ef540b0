/// A role grants permissions to an identity (proto-spec.md, section 10.1).
package enum Role: String, Sendable, CaseIterable {
    case worker, client, reader, admin

    package var permissions: Permissions {
        switch self {
        case .worker: [.greet, .work]
        case .reader: [.greet, .read]
        case .client: [.greet, .read, .submit]
        case .admin: [.greet, .read, .submit, .administer]
        }
    }
}

/// Kinds of operations, as a bit set; each operation needs exactly one.
package struct Permissions: OptionSet, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `hello`, `ping`, `help`: allowed without authentication.
    package static let greet = Permissions(rawValue: 1 << 0)
    /// Reads tasks, their output, nodes and events.
    package static let read = Permissions(rawValue: 1 << 1)
    /// Submits tasks of one's own, and cancels any.
    package static let submit = Permissions(rawValue: 1 << 2)
    /// Administers nodes, and imports tasks of another store as they are.
    package static let administer = Permissions(rawValue: 1 << 3)
    /// Registers a node, and reports on what runs on it.
    package static let work = Permissions(rawValue: 1 << 4)
    /// All permissions, for a master without authentication.
    package static let all: Permissions = [.greet, .read, .submit, .administer, .work]
}

extension Permissions {
    /// The roles that have all of these permissions, human-readable: `client or admin`.
    package var roles: String {
        Role.allCases.filter { $0.permissions.isSuperset(of: self) }.map(\.rawValue).joined(separator: " or ")
    }
}
