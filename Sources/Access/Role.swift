/// What an identity may do (proto-spec.md, section 10.1).
public enum Role: String, Sendable, CaseIterable {
    case worker, client, reader, admin

    public var permissions: Permissions {
        switch self {
        case .worker: [.greet, .work]
        case .reader: [.greet, .read]
        case .client: [.greet, .read, .submit]
        case .admin: [.greet, .read, .submit, .administer]
        }
    }
}

/// Kinds of operations; each operation is of one.
public struct Permissions: OptionSet, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `hello`, `ping`, `help`: everybody's, who has shown nothing too.
    public static let greet = Permissions(rawValue: 1 << 0)
    /// Tasks, their output, nodes, and what happens to them.
    public static let read = Permissions(rawValue: 1 << 1)
    /// Tasks of one's own making, and the end of any.
    public static let submit = Permissions(rawValue: 1 << 2)
    /// Nodes, and tasks of another store as they are.
    public static let administer = Permissions(rawValue: 1 << 3)
    /// A node, and reports of what runs on it.
    public static let work = Permissions(rawValue: 1 << 4)
    /// Where nobody is asked who they are.
    public static let all: Permissions = [.greet, .read, .submit, .administer, .work]
}

extension Permissions {
    /// The roles that have all of this, for people: `client or admin`.
    public var roles: String {
        Role.allCases.filter { $0.permissions.isSuperset(of: self) }.map(\.rawValue).joined(separator: " or ")
    }
}
