import PodlingProtocol

extension MasterCore {
    public var leadership: Leadership { standing.leadership }
    /// Milliseconds since 1970; nil without TLS. For `ping`.
    public var certificateEnd: Int64? {
        get { standing.certificateEnd }
        set { standing.certificateEnd = newValue }
    }

    /// Becomes a standby, or learns who leads. Only a core that never led may.
    public mutating func standBy(leader: String?) { standing.standBy(leader: leader) }

    /// Leads from now on, with what was restored since. Sessions stay.
    public mutating func lead(now: Tick) {
        self.now = now
        standing.lead()
        if configuration.isAudited { changes.beginRun() }
        // Another master may have made tasks since this one started.
        tasks.skipIDs(before: TaskID.base(wallMilliseconds: now.wall))
    }
}
