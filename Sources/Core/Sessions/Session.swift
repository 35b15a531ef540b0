import PodlingAccess

/// A connection as the core knows it.
struct Session {
    enum Role {
        case none, client, worker
    }

    var generation: UInt32
    var isOpen = true
    var role = Role.none
    var permissions: Permissions = []
    /// Who its peer has shown to be.
    var identity: Identity?
    /// By what it has shown that, beside a certificate.
    var token: TokenDigest?
    /// A certificate says who it is.
    var isCertified = false
    /// Where its client is, for people.
    var peer = ""
    var node = ""
    var instance = ""
    /// The node it registered, while that has its lease.
    var nodeIndex = NodeIndex.none
    /// What it waits for, by number.
    var subscriptions: [Int: Subscription] = [:]
    var nextSubscription = 1
    /// More is sent to it than it reads.
    var isBackedUp = false
    /// Bytes of output sent since then.
    var aheadBytes = 0
    /// A request of it waits for the store.
    var isAsking = false
}

extension Session {
    static var closed: Session {
        var session = Session(generation: 0)
        session.isOpen = false
        return session
    }
}

enum Subscription {
    case wait(slot: TaskSlot)
    /// Of one task, or of all.
    case watch(TaskID?)
    case logs(stream: Int)
}
