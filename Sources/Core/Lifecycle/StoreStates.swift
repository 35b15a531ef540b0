import PodlingProtocol

extension MasterCore {
    public mutating func store(is state: StoreState, now: Tick) {
        if standing.storeBecame(state) { startDeadlinesAnew(now) }
    }

    /// The health of the store, for `ping`.
    public mutating func store(is health: StoreHealth) { standing.storeBecame(health) }

    /// The master itself stood still, for a pause of its machine or for work that took too long. What peers sent meanwhile
    /// is still to be read, so no wait for a peer ends by it; a task's own clock goes on.
    public mutating func wasStalled(milliseconds: Int64) {
        guard milliseconds > 0 else { return }
        for index in nodes.sorted where nodes[index].hasLease {
            nodes[index].moveLease(milliseconds: milliseconds)
            for slot in nodes[index].attempts where tasks[slot].awaitsAnswer {
                tasks[slot].deadline += milliseconds
            }
        }
        streams.moveDeadlines(milliseconds: milliseconds)
    }

    /// Replies to workers were held while the store was slow: their deadlines begin again.
    private mutating func startDeadlinesAnew(_ now: Tick) {
        self.now = now
        let lease = Int64(configuration.leaseMilliseconds)
        for index in nodes.sorted where nodes[index].hasLease {
            nodes[index].graceUntil = max(nodes[index].graceUntil, now.monotonic + 2 * lease)
            for slot in nodes[index].attempts where tasks[slot].awaitsAnswer {
                tasks[slot].deadline = now.monotonic + Int64(configuration.acceptMilliseconds)
            }
        }
    }
}
