import PodlingProtocol

/// A silent node: first its connection closes, then its lease ends, and its attempts are lost.
extension MasterCore {
    /// Monotonic milliseconds at which the lease of a node ends, unless it is renewed.
    func leaseEnd(of index: NodeIndex) -> Int64 {
        max(nodes[index].lastSeen + Int64(configuration.leaseMilliseconds), nodes[index].graceUntil)
    }

    /// Detaches a node from its closed connection; its lease continues.
    mutating func detach(_ index: NodeIndex) {
        if nodes[index].isOnline { nodeChanged(index) }
        nodes[index].session = nil
        setTimer(index)
        nodes.refreshOpen(index, now: now.monotonic)
    }

    /// Ends a node's lease: its attempts are lost, and its connection must register again.
    mutating func endLease(_ index: NodeIndex, into effects: inout Effects) {
        if let session = nodes[index].session {
            sessions[session].nodeIndex = .none
            // Its readers continue with the next attempt.
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
