import PodlingProtocol

extension MasterCore {
    package mutating func store(is state: StoreState, now: Tick) {
        if self.state.storeBecame(state) { startDeadlinesAnew(now) }
    }

    /// Sets the health of the store, for `ping`.
    package mutating func store(is health: StoreHealth) { state.storeBecame(health) }

    /// Extends the deadlines of peers after a stall of the master itself, for a pause of its machine or for work that
    /// took too long: what they sent meanwhile is still to be read. The timeouts of running tasks are not extended.
    package mutating func wasStalled(milliseconds: Int64, now: Tick) {
        guard milliseconds > 0 else { return }
        self.now = now
        for index in nodes.sorted where nodes[index].hasLease {
            nodes[index].moveLease(milliseconds: milliseconds, now: now.monotonic)
            for slot in nodes[index].attempts where tasks[slot].awaitsAnswer {
                tasks[slot].deadline += milliseconds
            }
        }
        streams.moveDeadlines(milliseconds: milliseconds)
    }

    /// Replies to workers were held while the store was slow; this restarts their deadlines.
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
