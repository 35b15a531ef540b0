import PodlingProtocol

extension MasterCore {
    mutating func register(
        _ offer: NodeOffer,
        _ request: Request,
        into effects: inout Effects
    ) throws(WireError) {
        let session = sessions[request.session]
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
            effects.beginEvent("replaced", to: other)
            effects.endEvent()
            close(other, into: &effects)
            return
        }
        let left = nodes[index].lastSeen + Int64(configuration.leaseMilliseconds) - now.monotonic
        guard nodes[index].hasLease, left > 0 else {
            // The lease has expired, but no tick has processed it yet: the other instance has to register again.
            sessions[other].nodeIndex = .none
            return
        }
        effects.beginEvent("conflict", to: other)
        effects.writer.member("node", session.node)
        effects.writer.member("instance", session.instance)
        effects.writer.member(
            "msg",
            word: "another worker tried to register this node id; each needs its own state directory"
        )
        effects.endEvent()
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
            if let slot = tasks.table.id(Array(attempt.taskID.utf8)).flatMap({ tasks.slot(of: $0) }) {
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
        effects.writer.beginObject("epoch", configuration.epoch)
        effects.writer.member("lease_ms", configuration.leaseMilliseconds)
        effects.writer.member("heartbeat_ms", configuration.heartbeatMilliseconds)
        effects.writer.key("keep")
        writeAttempts(kept, to: &effects.writer)
        effects.writer.key("kill")
        effects.writer.beginArray()
        for (position, (attempt, code)) in killed.enumerated() {
            effects.writer.comma(before: position)
            effects.writer.beginObject("taskId", attempt.taskID)
            effects.writer.member("attempt", attempt.attempt)
            effects.writer.member("code", code.rawValue)
            effects.writer.endObject()
        }
        effects.writer.endArray()
        effects.writer.key("lost")
        writeAttempts(lost, to: &effects.writer)
        if nodes[index].isDraining { effects.writer.member("quiet", true) }
        effects.writer.endObject()
        effects.endReply()
        for slot in kept where tasks[slot].isAssigned { accepted(slot) }
        for slot in lost { lose(slot, into: &effects) }
        sendCancels(index, into: &effects)
    }

    private func writeAttempts(_ slots: [TaskSlot], to writer: inout JSONWriter) {
        writer.beginArray()
        for (position, slot) in slots.enumerated() {
            writer.comma(before: position)
            writer.beginObject("taskId")
            writeAttempt(slot, to: &writer)
            writer.endObject()
        }
        writer.endArray()
    }

    mutating func heartbeat(_ heartbeat: Heartbeat, _ request: Request, into effects: inout Effects) {
        let index = sessions[request.session].nodeIndex
        if heartbeat.engineError != nodes[index].engineError {
            nodes[index].engineError = heartbeat.engineError
            nodes.noteFreed(index, now: now.monotonic)
        }
        effects.beginReply(request)
        effects.writer.beginObject("lease_ms", configuration.leaseMilliseconds)
        effects.writer.member("heartbeat_ms", configuration.heartbeatMilliseconds)
        if nodes[index].isDraining { effects.writer.member("quiet", true) }
        effects.writer.endObject()
        effects.endReply()
        sendCancels(index, into: &effects)
    }

    mutating func deregister(_ request: Request, into effects: inout Effects) {
        let index = sessions[request.session].nodeIndex
        effects.replyEmpty(request)
        endLease(index, into: &effects)
    }

    mutating func drain(
        _ wanted: DrainRequest,
        _ request: Request,
        into effects: inout Effects
    ) throws(WireError) {
        guard let index = nodes.index(of: wanted.node) else {
            throw WireError(.notFound, "nodeId: there is no node \(wanted.node)")
        }
        if nodes[index].isDraining != wanted.isOn { nodeChanged(index) }
        nodes[index].isDraining = wanted.isOn
        nodes.noteFreed(index, now: now.monotonic)
        effects.beginReply(request)
        nodes[index].write(to: &effects.writer)
        effects.endReply()
        guard let session = nodes[index].session else { return }
        effects.beginEvent("quiet", to: session)
        effects.writer.member("on", wanted.isOn)
        effects.endEvent()
    }
}
