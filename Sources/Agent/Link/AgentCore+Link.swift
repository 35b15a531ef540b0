import OrderedCollections
import PodlingProtocol

/// The connection: connecting, greeting, registration, the lease.
extension AgentCore {
    var isRegistered: Bool {
        if case .registered = link { true } else { false }
    }

    /// Whether the lease is trusted, so that work may be started.
    var isLeaseTrusted: Bool { now < lease.trustedUntil }

    /// The time-out of a silent master: where there are others to try, well before the lease ends.
    private var silenceMilliseconds: Int64 {
        guard let milliseconds = lease.milliseconds else { return AgentLimits.silenceMilliseconds }
        return configuration.addressCount > 1 ? max(milliseconds / 3, min(milliseconds, 1_000)) : milliseconds
    }

    var linkDeadline: Int64? {
        let silence = lease.silentSince.map { $0 + silenceMilliseconds }
        switch link {
        case .down(let retryAt): return retryAt
        case .refused(let retryAt): return retryAt
        case .registered(let heartbeatAt): return min(heartbeatAt, silence ?? heartbeatAt)
        case .greeting(let prodAt): return [prodAt, silence].compactMap { $0 }.min()
        case .registering: return silence
        case .connecting, .closing: return nil
        }
    }

    mutating func tickLink() {
        if let since = lease.silentSince, now >= since + silenceMilliseconds {
            lease.silentSince = nil
            link = .closing
            actions.append(.disconnect("the master has been silent for \(silenceMilliseconds) ms"))
            return
        }
        switch link {
        case .down(let retryAt) where now >= retryAt:
            link = .connecting
            search.isByName = search.leader != nil
            if let leader = search.leader {
                search.leader = nil
                search.triedLeader = leader
                actions.append(.connectLeader(leader))
            } else {
                actions.append(.connect(address: addressIndex))
            }
        case .greeting(let prodAt?) where now >= prodAt:
            // A master with TLS sends nothing to a client that speaks plaintext, until it has sent something.
            link = .greeting(prodAt: nil)
            actions.append(.send(WorkerRequest(id: nil, .ping)))
        case .refused(let retryAt) where now >= retryAt: register()
        case .registered(let heartbeatAt) where now >= heartbeatAt:
            heartbeat()
        case .down, .connecting, .greeting, .registering, .refused, .registered, .closing: break
        }
    }

    mutating func connected() {
        link = .greeting(prodAt: now + AgentLimits.prodMilliseconds)
        lease.silentSince = now
    }

    mutating func disconnected(_ why: String, isLasting: Bool) {
        let wasRegistered = isRegistered
        let (why, isLasting) = hindrance.refusal.map { ($0, true) } ?? (why, isLasting)
        hindrance.refusal = nil
        hindrance.count = isLasting ? hindrance.count + 1 : 0
        pending.removeAll()
        stopAllLogs()
        lease.silentSince = nil
        // The standby that named a leader which served until now is tried next.
        let staysInTurn = search.isByName && wasRegistered
        if search.leader == nil, !staysInTurn { addressIndex = (addressIndex + 1) % max(configuration.addressCount, 1) }
        if search.isPassingBy { return passBy(why) }
        let delay: Int64
        if reconnectRange != nil, configuration.addressCount > 1 {
            // That master shuts down, but the others are available.
            delay = spread(AgentLimits.reconnectMillisecondsMin)
        } else if let range = reconnectRange {
            delay = range.lowerBound + Int64(Double(range.upperBound - range.lowerBound) * jitter)
        } else if isLasting, hindrance.count >= configuration.addressCount {
            delay = spread(AgentLimits.lastingFailureMilliseconds)
        } else {
            delay = AgentLimits.reconnect.milliseconds(doublings: reconnectTries, jitter: jitter)
        }
        reconnectRange = nil
        reconnectTries += 1
        link = .down(retryAt: now + delay)
        let level: AgentNote.Level = isLasting ? hindrance.tells(why) : wasRegistered ? .warning : .info
        note(level, "no connection: \(why); next try in \(delay) ms")
    }

    /// Tries the leader or the next master; with a longer delay where all are standbys.
    private mutating func passBy(_ why: String) {
        search.isPassingBy = false
        reconnectTries = 0
        let isRound = search.leader == nil && search.standbys % max(configuration.addressCount, 1) == 0
        if isRound { search.triedLeader = nil }
        let delay = isRound ? 200 + Int64(800 * jitter) : spread(50)
        link = .down(retryAt: now + delay)
        note(.info, "\(why); next try in \(delay) ms")
    }

    private mutating func leaveStandby(_ leader: String?) {
        link = .closing
        search.isPassingBy = true
        search.standbys += 1
        search.leader = leader == search.triedLeader ? nil : leader
        actions.append(.disconnect("the master stands by, \(leader.map { "\($0) leads" } ?? "and none leads")"))
    }

    mutating func received(_ message: MasterMessage) {
        lease.silentSince = nil
        switch message {
        case .hello(let versions): greeted(versions)
        case .standby(let leader): if isGreeting { leaveStandby(leader) }
        case .reply(let id, let reply): replied(id, reply)
        case .error(let fault) where fault.means(.tlsRequired):
            hindrance.refusal = "the master wants TLS: use podlings:// in --master (\(fault.message))"
        case .error(let fault) where fault.means(.unauthenticated): keptOut(fault)
        case .error(let fault): note(.warning, "the master says: \(fault.code): \(fault.message)")
        case .drain(let range):
            reconnectRange = range
            note(.info, "the master is going down")
        case .assign(let key, let plan): assigned(key, plan)
        case .assignRejected(let key, let why): rejectAssignment(key, why)
        case .cancel(let key, let graceSeconds): cancelled(key, graceSeconds)
        case .kill(let key, let code):
            note(.info, "to be killed: \(code)", key)
            forget(key)
        case .quiet(let isQuiet): setQuiet(isQuiet)
        case .conflict(let text): note(.warning, "another worker claims this node id: \(text)")
        case .replaced: note(.warning, "this connection was replaced by a newer one of the same worker")
        case .logs(let request): logsWanted(request)
        case .logsStop(let subscription): logsUnwanted(subscription)
        case .logsTaken(let subscription, let bytes): logsTaken(subscription, bytes)
        case .ignored: break
        }
    }

    private mutating func keptOut(_ fault: MasterFault) {
        hindrance.refusal =
            "the master does not let this worker in: \(fault.code): \(fault.message); see --token-file, --sslcert, --node-id"
    }

    private var isGreeting: Bool {
        if case .greeting = link { true } else { false }
    }

    private mutating func setQuiet(_ isQuiet: Bool) {
        guard isQuiet != lease.isQuiet else { return }
        lease.isQuiet = isQuiet
        note(.info, isQuiet ? "draining: no new work" : "no longer draining")
    }

    private mutating func greeted(_ versions: ClosedRange<Int>) {
        guard isGreeting else { return }
        guard versions.contains(1) else {
            reconnectTries = max(reconnectTries, 16)
            link = .closing
            note(.warning, "the master speaks protocol \(versions.lowerBound) to \(versions.upperBound), this worker 1")
            actions.append(.disconnect("no protocol version in common"))
            return
        }
        let agent = "podling-worker/\(configuration.version)"
        request(.hello(node: configuration.nodeId, instance: configuration.instance, agent: agent), as: .hello)
        register()
    }

    private mutating func register() {
        link = .registering
        // Attempts that are being discarded are over for this worker; all others are its own until the master says
        // otherwise.
        var offer = configuration
        offer.engineError = health.error
        request(.register(offer, attempts: Array(attempts.keys)), as: .register)
    }

    /// Sends a request that has a reply.
    @discardableResult
    mutating func request(_ body: WorkerRequest.Body, as kind: PendingRequest.Kind) -> Int {
        let id = nextRequestId
        nextRequestId += 1
        pending[id] = PendingRequest(kind: kind, sentAt: now)
        lease.silentSince = lease.silentSince ?? now
        actions.append(.send(WorkerRequest(id: id, body)))
        return id
    }

    mutating func heartbeat() {
        request(health.error.map { .sickHeartbeat(engineError: $0) } ?? .heartbeat, as: .heartbeat)
        scheduleHeartbeat()
    }

    private mutating func scheduleHeartbeat() {
        // Up to a tenth early: jitter, so that many workers do not send heartbeats at once.
        let period = lease.heartbeatMilliseconds
        link = .registered(heartbeatAt: now + period - Int64(Double(period / 10) * jitter))
    }

    private mutating func replied(_ id: Int?, _ reply: MasterReply) {
        guard let id, let request = pending.removeValue(forKey: id) else { return }
        switch reply {
        case .ok(let orders):
            if let milliseconds = orders.leaseMilliseconds { lease.milliseconds = milliseconds }
            if let milliseconds = orders.heartbeatMilliseconds {
                lease.heartbeatMilliseconds = max(milliseconds, AgentLimits.heartbeatMillisecondsMin)
            }
            if request.kind != .hello, let milliseconds = lease.milliseconds {
                lease.trustedUntil = max(lease.trustedUntil, request.sentAt + milliseconds)
            }
            succeeded(id, request.kind, orders)
        case .failed(let fault):
            refused(id, request.kind, fault)
        }
    }

    private mutating func succeeded(_ id: Int, _ kind: PendingRequest.Kind, _ orders: MasterOrders) {
        switch kind {
        case .register: registered(orders)
        case .heartbeat:
            setQuiet(orders.isQuiet)
            obey(orders.kill)
            advanceAll()
        case .report(let key): acknowledged(key, request: id)
        case .deregister: shutdown?.isDeregistered = true
        case .hello, .accept, .reject: break
        }
    }

    private mutating func registered(_ orders: MasterOrders) {
        guard link == .registering else { return }
        reconnectTries = 0
        search = LeaderSearch(isByName: search.isByName)
        hindrance = Hindrance()
        reconnectRange = nil
        scheduleHeartbeat()
        note(.info, "registered with \(attempts.count) attempts; lease \(lease.milliseconds ?? 0) ms")
        for key in orders.lost {
            note(.warning, "the master believed it here", key)
            // It was assigned to this worker while the request was in flight, and lost: another node has it now.
            if attempts[key] != nil { forget(key) }
        }
        setQuiet(orders.isQuiet)
        obey(orders.kill)
        for key in attempts.keys {
            // All requests before this one are answered by now, or were lost with their connection.
            attempts[key]?.reportRequest = nil
            sendReport(key)
        }
        advanceAll()
    }

    private mutating func obey(_ orders: [KillOrder]) {
        for order in orders {
            note(.info, "to be killed: \(order.code)", order.key)
            if order.wantsReport { cancelled(order.key, 0) } else { forget(order.key) }
        }
    }

    private mutating func refused(_ id: Int, _ kind: PendingRequest.Kind, _ fault: MasterFault) {
        if fault.means(.unregistered), kind != .register {
            // Several replies of one turn may say so: one registration is enough.
            if isRegistered { register() }
            return
        }
        if fault.means(.notLeader) {
            if link != .closing { leaveStandby(nil) }
            return
        }
        switch kind {
        case .hello where fault.means(.unauthenticated) || fault.means(.forbidden): keptOut(fault)
        case .register where fault.means(.unauthenticated) || fault.means(.forbidden):
            // A rejected hello has given the reason already.
            if hindrance.refusal == nil { keptOut(fault) }
            link = .closing
            actions.append(.disconnect("the master does not let this worker in"))
        case .register where fault.means(.helloRequired):
            link = .closing
            actions.append(.disconnect("the master refused our hello"))
        case .register:
            let wanted = fault.retryAfterMilliseconds ?? AgentLimits.retryMilliseconds
            let delay = min(max(wanted, AgentLimits.reconnectMillisecondsMin), AgentLimits.retryMillisecondsMax)
            link = .refused(retryAt: now + delay + Int64(Double(delay / 10) * jitter))
            note(.warning, "not registered: \(fault.code): \(fault.message); next try in about \(delay) ms")
        case .report(let key): reportRefused(key, request: id, fault)
        case .accept(let key) where fault.means(.staleAttempt) || fault.means(.notFound):
            forget(key)
        case .hello, .heartbeat, .accept, .reject:
            note(.warning, "refused: \(fault.code): \(fault.message)")
        case .deregister: shutdown?.isDeregistered = true
        }
    }
}

extension AgentCore.Hindrance {
    /// Log level of a failure: warning the first time, debug afterwards.
    fileprivate mutating func tells(_ why: String) -> AgentNote.Level {
        guard !told.contains(why) else { return .debug }
        told.append(why)
        if told.count > AgentLimits.toldFailuresMax { told.removeFirst() }
        return .warning
    }
}
