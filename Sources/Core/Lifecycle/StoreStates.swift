import PodlingProtocol

/// How the store keeps up with what it is handed.
public enum StoreState: Sendable, Equatable {
    case prompt
    /// It has been silent for a while. Leases and deadlines stand still: the answers to workers are held up as well.
    case late
    /// And as much waits for it as may: what would change something is refused.
    case full
}

extension MasterCore {
    static var storeRetryMilliseconds: Int { 1_000 }

    public mutating func store(is state: StoreState, now: Tick) {
        let wasPrompt = storeState == .prompt
        storeState = state
        if state == .prompt, !wasPrompt { startDeadlinesAnew(now) }
    }

    /// The master itself stood still, for a pause of its machine or for work that took too long. What peers sent meanwhile
    /// is still to be read, so no wait for a peer ends by it; a task's own clock goes on.
    public mutating func wasStalled(milliseconds: Int64) {
        guard milliseconds > 0 else { return }
        for index in nodes.sorted where nodes[index].hasLease {
            nodes[index].lastSeen += milliseconds
            if nodes[index].graceUntil > 0 { nodes[index].graceUntil += milliseconds }
            for slot in nodes[index].attempts where tasks[slot].awaitsAnswer {
                tasks[slot].deadline += milliseconds
            }
        }
        for stream in streams.keys where streams[stream]?.deadline ?? 0 > 0 {
            streams[stream]?.deadline += milliseconds
        }
    }

    /// For `ping`.
    public mutating func store(is health: StoreHealth) { storeHealth = health }

    func writeStoreHealth(to writer: inout JSONWriter) {
        guard configuration.asksStore else { return }
        if storeHealth.silentMilliseconds > 0 {
            writer.raw(",\"store\":{\"status\":\"away\",\"awaySeconds\":")
            writer.int(storeHealth.silentMilliseconds / 1_000)
        } else {
            writer.raw(",\"store\":{\"status\":\"ok\"")
        }
        if !unsaved.isEmpty {
            writer.raw(",\"refusedTasks\":")
            writer.int(unsaved.count)
        }
        if storeHealth.lossCount > 0 {
            writer.raw(",\"losses\":")
            writer.int(storeHealth.lossCount)
        }
        for (index, warning) in storeHealth.warnings.enumerated() {
            writer.raw(index == 0 ? ",\"warnings\":[" : ",")
            writer.string(warning)
        }
        if !storeHealth.warnings.isEmpty { writer.byte(UInt8(ascii: "]")) }
        writer.byte(UInt8(ascii: "}"))
    }

    var storeIsFull: WireError {
        WireError(
            .unavailable,
            "the store has not answered for a while and no more can wait for it; nothing was changed",
            retryAfterMilliseconds: Self.storeRetryMilliseconds
        )
    }

    /// What workers were due while the store was late left only now.
    private mutating func startDeadlinesAnew(_ now: Tick) {
        self.now = now
        for index in nodes.sorted where nodes[index].hasLease {
            nodes[index].graceUntil = max(
                nodes[index].graceUntil,
                now.monotonic + 2 * Int64(configuration.leaseMilliseconds)
            )
            for slot in nodes[index].attempts where tasks[slot].awaitsAnswer {
                tasks[slot].deadline = now.monotonic + Int64(configuration.acceptMilliseconds)
            }
        }
    }
}
