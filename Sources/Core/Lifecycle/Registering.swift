import PodlingProtocol

extension MasterCore {
    mutating func register(_ request: Request, into effects: inout Effects) throws(WireError) {
        let session = sessions[request.session]
        let offer = try NodeOffer(request.root)
        try checkInstance(session, request.session, into: &effects)
        let known = nodes.index(of: session.node)
        guard nodes.byteCount - (known.map { nodes[$0].byteCost } ?? 0) + offer.byteCost <= Limits.nodesBytesMax else {
            let message = "labels: those of all nodes may take \(Limits.nodesBytesMax) bytes, and would take more"
            throw WireError(.overloaded, message, field: "labels", retryAfterMilliseconds: 60_000)
        }
        let index: NodeIndex
        if let known {
            index = known
        } else {
            guard nodes.count < configuration.nodesMax else {
                let message = "\(configuration.nodesMax) nodes are the most this master knows"
                throw WireError(.overloaded, message, retryAfterMilliseconds: 60_000)
            }
            index = nodes.insert(session.node)
        }
        nodes.setByteCost(index, offer.byteCost)
        let isNews = !nodes[index].isOnline || !nodes[index].isAs(offer, instance: session.instance)
        nodes[index].take(offer, session: request.session, instance: session.instance, now: now)
        if isNews { nodeChanged(index) }
        setTimer(index)
        sessions[request.session].nodeIndex = index
        reconcile(index, offer, request, into: &effects)
        nodes.noteFreed(index, now: now.monotonic)
    }

    /// Enforces one live instance per node id; the same instance may return on a new connection.
    private mutating func checkInstance(
        _ session: Session,
        _ id: SessionID,
        into effects: inout Effects
    ) throws(WireError) {
        guard let index = nodes.index(of: session.node), let other = nodes[index].session, other != id else { return }
        if nodes[index].instance == session.instance {
            effects.begin(other)
            effects.writer.raw("{\"ev\":\"replaced\"}")
            effects.end()
            close(other, into: &effects)
            return
        }
        let left = nodes[index].lastSeen + Int64(configuration.leaseMilliseconds) - now.monotonic
        guard nodes[index].hasLease, left > 0 else {
            // The lease has expired, but no tick has processed it yet: the other instance has to register again.
            sessions[other].nodeIndex = .none
            return
        }
        effects.begin(other)
        effects.writer.raw("{\"ev\":\"conflict\",\"node\":")
        effects.writer.string(session.node)
        effects.writer.raw(",\"instance\":")
        effects.writer.string(session.instance)
        effects.writer.raw(
            ",\"msg\":\"another worker tried to register this node id; each needs its own state directory\"}"
        )
        effects.end()
        let message = "node: \(session.node) is registered by another living worker; give this one its own node id"
        throw WireError(
            .conflict,
            message,
            field: "node",
            isRetryable: true,
            retryAfterMilliseconds: Int(max(left, 1_000))
        )
    }

    /// Reconciles the worker's attempts with the master's state, and replies to `register`.
    private mutating func reconcile(
        _ index: NodeIndex,
        _ offer: NodeOffer,
        _ request: Request,
        into effects: inout Effects
    ) {
        var kept: [TaskSlot] = []
        var killed: [(AttemptName, ErrorCode)] = []
        var named: Set<AttemptName> = []
        for attempt in offer.attempts where named.insert(attempt).inserted {
            if let slot = tasks.records.id(Array(attempt.taskID.utf8)).flatMap({ tasks.slot(of: $0) }) {
                let isCurrent = tasks[slot].attempt == attempt.attempt && tasks[slot].node == index
                let isKept = isCurrent && (tasks[slot].isAssigned || tasks[slot].flags.contains(.reported))
                if isKept { kept.append(slot) } else { killed.append((attempt, .staleAttempt)) }
            } else {
                killed.append((attempt, .notFound))
            }
        }
        let keptSet = Set(kept)
        let lost = nodes[index].attempts.filter { !keptSet.contains($0) }.sorted()
        effects.beginReply(request)
        effects.writer.raw("{\"epoch\":")
        effects.writer.string(configuration.epoch)
        writeLease(to: &effects.writer)
        effects.writer.raw(",\"keep\":[")
        writeAttempts(kept, to: &effects.writer)
        effects.writer.raw("],\"kill\":[")
        for (position, (attempt, code)) in killed.enumerated() {
            effects.writer.raw(position == 0 ? "{\"taskId\":" : ",{\"taskId\":")
            effects.writer.string(attempt.taskID)
            effects.writer.raw(",\"attempt\":")
            effects.writer.int(attempt.attempt)
            effects.writer.raw(",\"code\":")
            effects.writer.string(code.rawValue)
            effects.writer.byte(UInt8(ascii: "}"))
        }
        effects.writer.raw("],\"lost\":[")
        writeAttempts(lost, to: &effects.writer)
        effects.writer.raw(nodes[index].isDraining ? "],\"quiet\":true}" : "]}")
        effects.endReply()
        for slot in kept where tasks[slot].isAssigned { accepted(slot) }
        for slot in lost { lose(slot, into: &effects) }
        sendCancels(index, into: &effects)
    }

    private func writeAttempts(_ slots: [TaskSlot], to writer: inout JSONWriter) {
        for (position, slot) in slots.enumerated() {
            writer.raw(position == 0 ? "{" : ",{")
            writeAttempt(slot, to: &writer)
            writer.byte(UInt8(ascii: "}"))
        }
    }

    private func writeLease(to writer: inout JSONWriter) {
        writer.raw(",\"lease_ms\":")
        writer.int(configuration.leaseMilliseconds)
        writer.raw(",\"heartbeat_ms\":")
        writer.int(configuration.heartbeatMilliseconds)
    }

    mutating func heartbeat(_ request: Request, into effects: inout Effects) throws(WireError) {
        let index = sessions[request.session].nodeIndex
        let engineError = try request.root.optional("engineError")?.text(
            "engineError",
            bytes: 1...Limits.shortTextBytesMax
        )
        if engineError != nodes[index].engineError {
            nodes[index].engineError = engineError
            nodes.noteFreed(index, now: now.monotonic)
        }
        effects.begin(request.session)
        effects.writer.raw("{\"re\":")
        effects.writeID(request)
        effects.writer.raw(",\"ok\":{\"lease_ms\":")
        effects.writer.int(configuration.leaseMilliseconds)
        effects.writer.raw(",\"heartbeat_ms\":")
        effects.writer.int(configuration.heartbeatMilliseconds)
        effects.writer.raw(nodes[index].isDraining ? ",\"quiet\":true}" : "}")
        effects.endReply()
        sendCancels(index, into: &effects)
    }

    mutating func deregister(_ request: Request, into effects: inout Effects) {
        let index = sessions[request.session].nodeIndex
        effects.replyEmpty(request)
        endLease(index, into: &effects)
    }

    mutating func drain(_ request: Request, into effects: inout Effects) throws(WireError) {
        let id = try request.root.required("nodeId").name("nodeId", NameRules.isNodeName, "is not a node id")
        let isOn = try request.root.optional("on")?.flag("on") ?? true
        guard let index = nodes.index(of: id) else { throw WireError(.notFound, "nodeId: there is no node \(id)") }
        if nodes[index].isDraining != isOn { nodeChanged(index) }
        nodes[index].isDraining = isOn
        nodes.noteFreed(index, now: now.monotonic)
        effects.beginReply(request)
        nodes[index].write(to: &effects.writer)
        effects.endReply()
        guard let session = nodes[index].session else { return }
        effects.begin(session)
        effects.writer.raw("{\"ev\":\"quiet\",\"on\":")
        effects.writer.bool(isOn)
        effects.writer.byte(UInt8(ascii: "}"))
        effects.end()
    }
}
