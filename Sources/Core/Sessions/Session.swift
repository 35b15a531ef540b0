import PodlingAccess

/// The state of a connection in the core.
struct Session {
    enum Role {
        case none, client, worker
    }

    var generation: UInt32
    var isOpen = true
    var role = Role.none
    var permissions: Permissions = []
    /// The authenticated identity of the peer.
    var identity: Identity?
    /// The token that authenticated it, in addition to a certificate.
    var token: TokenDigest?
    /// Whether a certificate names the peer.
    var isCertified = false
    /// The client's address, human-readable.
    var peer = ""
    var node = ""
    var instance = ""
    /// The node that it registered, while that node has its lease.
    var nodeIndex = NodeIndex.none
    /// Its subscriptions, by number.
    var subscriptions: [Int: Subscription] = [:]
    var nextSubscription = 1
    /// The peer reads more slowly than it is sent to.
    var isBackedUp = false
    /// Bytes of output sent since it has been backed up.
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
    /// A subscription to the transitions of one task, or of all.
    case watch(TaskID?)
    case logs(stream: Int)
}
