import PodlingProtocol

extension MasterCore {
    package var leadership: Leadership { standing.leadership }
    /// The end of the certificate's validity in milliseconds since 1970, for `ping`; nil without TLS.
    package var certificateEnd: Int64? {
        get { standing.certificateEnd }
        set { standing.certificateBecame(validUntil: newValue) }
    }

    /// Becomes a standby, or learns who leads. Only a core that has never led may call it.
    package mutating func standBy(leader: String?) { standing.standBy(leader: leader) }

    /// Takes the lead, with all that was restored. Sessions stay open.
    package mutating func lead(now: Tick) {
        self.now = now
        standing.lead()
        if configuration.isAudited { changes.beginRun() }
        // Another master may have created tasks since this one started.
        tasks.skipIDs(before: TaskID.base(wallMilliseconds: now.wall))
    }
}
