import PodlingProtocol

/// A node of which nothing is heard: first its connection goes, then its lease, and its attempts with it.
extension MasterCore {
    /// Monotonic milliseconds at which the lease of a node ends, if nothing is heard of it before.
    func leaseEnd(of index: NodeIndex) -> Int64 {
        max(nodes[index].lastSeen + Int64(configuration.leaseMilliseconds), nodes[index].graceUntil)
    }

    /// The connection of a node is gone; its lease runs on.
    mutating func detach(_ index: NodeIndex) {
        if nodes[index].isOnline { nodeChanged(index) }
        nodes[index].session = nil
        setTimer(index)
        nodes.refreshOpen(index, now: now.monotonic)
    }

    /// A node's lease ends: its attempts are lost, and its connection must register again.
    mutating func endLease(_ index: NodeIndex, into effects: inout Effects) {
        if let session = nodes[index].session {
            sessions[session].nodeIndex = .none
            // Its readers go on to the next attempt.
            loseStreams(ofWorker: session, into: &effects)
        }
        if nodes[index].isOnline { nodeChanged(index) }
        nodes[index].hasLease = false
        nodes[index].session = nil
        setTimer(index)
        nodes.refreshOpen(index, now: now.monotonic)
        for slot in nodes[index].attempts.sorted() {
            let isKept = tasks[slot].onNodeLost == .keep && !tasks[slot].flags.contains(.cancelRequested)
            if !isKept { lose(slot, into: &effects) }
        }
    }
}
