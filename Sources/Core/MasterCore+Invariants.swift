import PodlingProtocol

extension MasterCore {
    /// The first violated invariant, of a machine or between two; nil if all hold, as they must between two turns.
    ///
    /// It scans everything held, so it is meant for tests and debug builds.
    package func checkInvariants() -> String? {
        tasks.checkInvariants() ?? pending.checkInvariants(tasks.records)
            ?? nodes.checkInvariants(tasks.records, now: now.monotonic) { pending.key(of: $0, tasks.records) }
            ?? streams.checkInvariants(sessions) ?? changes.checkInvariants(tasks.records) ?? checkTasks()
            ?? checkSessions() ?? checkTimers()
    }

    /// Each node's timer fires no later than its earliest deadline.
    private func checkTimers() -> String? {
        for index in nodes.sorted where timers.due(of: index) > max(nextDue(of: index), nextSweep) {
            return "\(nodes[index].id) is looked at too late"
        }
        return nil
    }

    /// A node has a task iff the task is assigned, the node lists the attempt, and the task has not had too many
    /// attempts.
    private func checkTasks() -> String? {
        var references = [NodeIndex: Int]()
        for offset in 0..<tasks.records.slotCount {
            let task = tasks[TaskSlot(offset: offset)]
            guard task.id != TaskID(number: 0) else { continue }
            if task.isAssigned != (task.nodePosition >= 0) {
                return "\(task.id.text) is \(task.status) and at a node, or not"
            }
            if task.status.isTerminal != task.shape.isNone {
                return "\(task.id.text) is \(task.status) and has a shape, or not"
            }
            if task.isAssigned, nodes[task.node].attempts[task.nodePosition] != TaskSlot(offset: offset) {
                return "\(task.id.text) is not where it says"
            }
            if !task.node.isNone { references[task.node, default: 0] += 1 }
        }
        for index in nodes.sorted where nodes[index].references != references[index, default: 0] {
            return "\(nodes[index].id) counts \(nodes[index].references) of \(references[index, default: 0]) references"
        }
        return nil
    }

    /// A session and its node name one another, and each subscription is counted once.
    private func checkSessions() -> String? {
        var count = 0
        for id in sessions.open {
            let session = sessions[id]
            count += session.subscriptions.count
            if !session.nodeIndex.isNone, nodes[session.nodeIndex].session != id {
                return "\(session.node) is of another session"
            }
        }
        for index in nodes.sorted {
            if let session = nodes[index].session, !sessions.isOpen(session) || sessions[session].nodeIndex != index {
                return "\(nodes[index].id) has a session that is not its own"
            }
        }
        return count == feed.subscriptionCount
            ? nil : "\(feed.subscriptionCount) subscriptions count, there are \(count)"
    }
}
