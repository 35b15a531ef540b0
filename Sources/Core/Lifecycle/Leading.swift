import PodlingProtocol

/// Whether this master is the one that decides.
public enum Leadership: Sendable, Equatable {
    case leading
    /// Another master leads; its HOST:PORT, where it is known.
    case standby(leader: String?)
}

extension MasterCore {
    /// Becomes a standby, or learns who leads. Only a core that never led may.
    public mutating func standBy(leader: String?) { leadership = .standby(leader: leader) }

    /// Leads from now on, with what was restored since. Sessions stay.
    public mutating func lead(now: Tick) {
        self.now = now
        leadership = .leading
        isRunNew = configuration.isAudited
        // Another master may have made tasks since this one started.
        nextTaskID = max(nextTaskID, TaskID.base(wallMilliseconds: now.wall))
    }

    /// A standby greets, tells what is known, and refuses the rest (proto-spec.md, section 3.1).
    func checkLeadership(_ operation: Operation, _ request: Request) throws(WireError) {
        guard case .standby(let leader) = leadership else { return }
        switch operation {
        case .ping, .help: return
        case .get, .list, .nodes: if configuration.asksStore { return }
        case .hello where request.root["role"]?.stringEquals("client") == true: return
        default: break
        }
        throw WireError(
            .notLeader,
            leader.map { "this master is a standby: ask \($0)" } ?? "this master is a standby, and none leads now",
            retryAfterMilliseconds: leader == nil ? 500 : nil,
            leader: leader
        )
    }
}

extension Effects {
    /// Who leads, where that is another: `,"standby":true,"leader":"HOST:PORT"`.
    mutating func writeStandby(_ leadership: Leadership) {
        guard case .standby(let leader) = leadership else { return }
        writer.raw(",\"standby\":true")
        guard let leader else { return }
        writer.raw(",\"leader\":")
        writer.string(leader)
    }
}
