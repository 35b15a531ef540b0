import PodlingAccess
import PodlingProtocol

extension MasterCore {
    /// Handles an accepted connection; the master sends the first line.
    ///
    /// - Parameters:
    /// - peer: the peer's HOST:PORT, or `http`; for the audit and for the log of denials.
    /// - identity: the identity in its certificate.
    package mutating func sessionOpened(
        _ id: SessionID,
        peer: String = "",
        identity: Identity? = nil,
        now: Tick,
        into effects: inout Effects
    ) {
        self.now = now
        var session = Session(generation: id.generation)
        session.peer = peer
        session.identity = identity
        session.isCertified = identity != nil
        session.permissions = identity?.role.permissions ?? permissionsAtFirst
        sessions.insert(session, id)
        effects.beginEvent("hello", to: id)
        effects.writer.key("proto")
        effects.writer.raw("[1,1]")
        effects.writer.member(
            "auth",
            word: identity != nil ? "mtls" : configuration.isAuthenticated ? "token" : "none"
        )
        effects.writer.member("line_max", Limits.lineBytesMax)
        effects.writer.member("server", configuration.server)
        state.writeStandby(to: &effects.writer)
        effects.endEvent()
    }

    /// Handles a closed connection, whoever closed it. A node keeps its lease.
    package mutating func sessionClosed(_ id: SessionID, now: Tick, into effects: inout Effects) {
        self.now = now
        guard sessions.isOpen(id) else { return }
        let session = sessions[id]
        effects.isFree = false
        defer { effects.isFree = true }
        endAll(session.subscriptions, of: id, into: &effects)
        if !session.nodeIndex.isNone, nodes[session.nodeIndex].session == id { detach(session.nodeIndex) }
        if session.role == .worker { loseStreams(ofWorker: id, into: &effects) }
        sessions.close(id)
    }

    /// Whether a session's peer reads more slowly than it is sent to.
    package mutating func sessionBackedUp(_ id: SessionID, _ isBackedUp: Bool) {
        guard sessions.isOpen(id) else { return }
        sessions[id].isBackedUp = isBackedUp
        sessions[id].aheadBytes = 0
        guard !isBackedUp else { return }
        streams.readerResumed(id)
        guard !feed.watchers.isEmpty else { return }
        feed.resumed()
        for (_, subscription) in sessions[id].subscriptions.sorted(by: { $0.key < $1.key }) {
            if case .watch(let task?) = subscription { feed.markDue(task) }
        }
    }

    /// Whether `hello` was accepted, and with it longer lines.
    package func hasGreeted(_ id: SessionID) -> Bool {
        sessions.isOpen(id) && sessions[id].role != .none
    }

    /// Notifies every connection of the shutdown; no task is taken or placed from now on.
    package mutating func shutDown(deadlineMilliseconds: Int, into effects: inout Effects) {
        state.shutDown()
        for id in sessions.open {
            effects.beginEvent("drain", to: id)
            effects.writer.member("deadline_ms", deadlineMilliseconds)
            effects.writer.key("reconnect_ms")
            effects.writer.raw("[100,2000]")
            effects.endEvent()
        }
    }

    mutating func close(_ id: SessionID, into effects: inout Effects) {
        effects.close(id)
        sessionClosed(id, now: now, into: &effects)
    }

    /// Renews the lease of a node: every complete valid line of its connection does.
    mutating func sawLife(of id: SessionID) {
        let index = sessions[id].nodeIndex
        guard !index.isNone else { return }
        nodes[index].lastSeen = now.monotonic
        nodes[index].lastSeenAt = now.wall
    }

    /// A second `hello` is a conflict, whatever its members are.
    func checkHasNotGreeted(_ session: SessionID) throws(WireError) {
        guard sessions[session].role == .none else {
            throw WireError(.conflict, "hello: this connection has said it already", field: "op")
        }
    }

    mutating func hello(
        _ wanted: HelloRequest,
        _ request: Request,
        into effects: inout Effects
    ) throws(WireError) {
        let session = request.session
        guard let shown = try identity(of: wanted, request, into: &effects) else { return }
        try check(shown.identity, node: wanted.node, request, into: &effects)
        switch wanted.peer {
        case .client: sessions[session].role = .client
        case .worker(let node, let instance):
            sessions[session].role = .worker
            sessions[session].node = node
            sessions[session].instance = instance
        }
        sessions[session].token = shown.token
        sessions[session].identity = shown.identity
        sessions[session].permissions = shown.identity?.role.permissions ?? permissionsAtFirst
        effects.beginReply(request)
        effects.writer.beginObject("proto", 1)
        effects.writer.member("epoch", configuration.epoch)
        effects.writer.member("session", Int(request.session.generation))
        effects.writer.endObject()
        effects.endReply()
    }

    /// The validity matrix for workers' operations (proto-spec.md, section 10).
    func checkWorker(_ operation: Operation, _ request: Request) throws(WireError) {
        let session = request.session
        switch sessions[session].role {
        case .none:
            throw WireError(.helloRequired, "\(operation.name): say hello with the role worker first")
        case .client:
            throw WireError(.badRequest, "\(operation.name): is for connections with the role worker", field: "op")
        case .worker:
            if sessions[session].nodeIndex.isNone, operation != .register {
                throw WireError(.unregistered, "\(operation.name): register this node first, or again")
            }
        }
    }
}
