import PodlingProtocol

extension MasterCore {
    package var leadership: Leadership { state.leadership }
    /// The end of the certificate's validity in milliseconds since 1970, for `ping`; nil without TLS.
    package var certificateEnd: Int64? {
        get { state.certificateEnd }
        set { state.certificateBecame(validUntil: newValue) }
    }

    /// Becomes a standby, or learns who leads. Only a core that has never led may call it.
    package mutating func standBy(leader: String?) { state.standBy(leader: leader) }

    /// Takes the lead, with all that was restored. Sessions stay open.
    package mutating func lead(now: Tick) {
        self.now = now
        state.lead()
        if configuration.isAudited { changes.beginRun() }
        // Another master may have created tasks since this one started.
        tasks.skipIDs(before: TaskID.base(wallMilliseconds: now.wall))
    }
}
