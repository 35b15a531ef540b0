import PodlingAccess
import PodlingProtocol

extension MasterCore {
    /// The same error for every invalid token, whatever is wrong with it.
    private static let notAccepted = WireError(
        .unauthenticated,
        "token: is not accepted by this master",
        field: "token",
        isFatal: true
    )

    /// The permissions of a session before it is authenticated.
    var permissionsAtFirst: Permissions { configuration.isAuthenticated ? .greet : .all }

    /// Whether a session is authenticated; true if the master requires no authentication.
    package func hasShownIdentity(_ id: SessionID) -> Bool {
        !configuration.isAuthenticated || (sessions.isOpen(id) && sessions[id].identity != nil)
    }

    /// Whether a worker reads what belongs to its own node. It looks at one member only, as a peer without the
    /// permission is denied whatever else is wrong with its request.
    func isOfOwnNode(_ operation: Operation, _ root: JSONValue, _ id: SessionID) -> Bool {
        let session = sessions[id]
        guard session.permissions.contains(.work), !session.nodeIndex.isNone else { return false }
        switch operation {
        case .get:
            guard let name = try? TaskName(of: root), let slot = tasks.slot(of: name) else { return false }
            return tasks[slot].node == session.nodeIndex
        case .list: return root.optional("nodeId")?.string() == session.node
        default: return false
        }
    }

    /// The error for an operation that this session may not use; nil if nothing more is to be sent.
    mutating func denial(_ operation: Operation, _ request: Request, into effects: inout Effects) -> WireError? {
        let session = sessions[request.session]
        // Its `hello` was refused; the delayed reply is still pending, so further requests are ignored.
        guard !session.permissions.isEmpty else { return nil }
        let error: WireError
        if let identity = session.identity {
            let needed = operation.row.permission.roles
            error = WireError(.forbidden, "\(operation.name): needs the role \(needed), and this is \(identity)")
        } else {
            error = WireError(.unauthenticated, "\(operation.name): say hello with a token first")
        }
        effects.deny(Denial(session, "\(operation.name)", error))
        return error
    }

    /// Authenticates the `token` of a `hello`.
    /// - Returns: nil if the token is refused: the reply follows later, and ends the connection.
    mutating func identity(
        of hello: HelloRequest,
        _ request: Request,
        into effects: inout Effects
    ) throws(WireError) -> (identity: Identity?, token: TokenDigest?)? {
        let session = sessions[request.session]
        guard configuration.isAuthenticated else { return (session.identity, nil) }
        guard let digest = try hello.tokenDigest() else {
            if let identity = session.identity { return (identity, nil) }
            throw WireError(.unauthenticated, "token: is required by this master", field: "token")
        }
        guard let found = gatekeeper.identity(of: digest) else {
            try refuse(request, into: &effects)
            return nil
        }
        guard let certified = session.identity, let node = certified.node else { return (found, digest) }
        // A node's certificate determines the identity; a token presented in addition must agree with it.
        guard found.role == .worker, (found.node ?? node) == node else {
            throw forbidden(request, "token: is of \(Self.told(found)), and the certificate of node \(node)", &effects)
        }
        return (certified, digest)
    }

    private static func told(_ identity: Identity) -> String {
        identity.node.map { "node \($0)" } ?? identity.description
    }

    private mutating func refuse(_ request: Request, into effects: inout Effects) throws(WireError) {
        let session = request.session
        effects.deny(Denial(sessions[session], "hello", Self.notAccepted))
        guard let answerAt = gatekeeper.delay(ofFailureFrom: sessions[session].peer, now: now.monotonic) else {
            throw Self.notAccepted
        }
        sessions[session].permissions = []
        // No further line of it is read, and it stays open until its reply is sent.
        sessions[session].isAsking = true
        gatekeeper.append(Refusal(session: session, id: request.id.map { [UInt8]($0) }, answerAt: answerAt))
    }

    /// Sends the delayed replies to refused tokens that are due.
    mutating func answerRefusals(into effects: inout Effects) {
        for refusal in gatekeeper.takeDue(now: now.monotonic) where sessions.isOpen(refusal.session) {
            if let id = refusal.id {
                id.withUnsafeBytes {
                    effects.reply(Request(session: refusal.session, id: $0), Self.notAccepted)
                }
            } else {
                effects.reply(Request(session: refusal.session, id: nil), Self.notAccepted)
            }
            close(refusal.session, into: &effects)
        }
    }

    /// Checks a `hello` against the identity of the peer; `node` is nil for a client.
    func check(
        _ identity: Identity?,
        node: String?,
        _ request: Request,
        into effects: inout Effects
    ) throws(WireError) {
        guard let identity else { return }
        guard (identity.role == .worker) == (node != nil) else {
            let role = node == nil ? "client" : "worker"
            throw forbidden(request, "role: \(role) is not for \(identity)", &effects, identity)
        }
        guard let own = identity.node, own != node else { return }
        let message = "node: hello says \(node ?? ""), and \(identity.name) is of node \(own)"
        throw forbidden(request, message, &effects, identity)
    }

    private func forbidden(
        _ request: Request,
        _ message: String,
        _ effects: inout Effects,
        _ identity: Identity? = nil
    ) -> WireError {
        let error = WireError(.forbidden, message, isFatal: true)
        var session = sessions[request.session]
        session.identity = identity ?? session.identity
        effects.deny(Denial(session, "hello", error))
        return error
    }

    /// Closes a session that was just opened, because of its certificate.
    package mutating func refuse(_ id: SessionID, _ reason: String, into effects: inout Effects) {
        guard sessions.isOpen(id) else { return }
        let error = WireError(.forbidden, reason, isFatal: true)
        effects.deny(Denial(sessions[id], "connection", error))
        effects.sendError(error, to: id)
        close(id, into: &effects)
    }

    /// Replaces the valid tokens. Sessions authenticated by other tokens end.
    package mutating func setTokens(_ tokens: TokenTable, now: Tick, into effects: inout Effects) {
        self.now = now
        gatekeeper.replaceTokens(with: tokens)
        for id in sessions.open {
            let session = sessions[id]
            guard let token = session.token else { continue }
            // In addition to a node's certificate, the token only had to be valid.
            if let found = tokens.identity(of: token) {
                if found == session.identity || (session.isCertified && found.role == .worker) { continue }
            }
            let error = WireError(.unauthenticated, "token: is no longer accepted by this master", isFatal: true)
            effects.deny(Denial(session, "connection", error))
            effects.sendError(error, to: id)
            close(id, into: &effects)
        }
    }

}
