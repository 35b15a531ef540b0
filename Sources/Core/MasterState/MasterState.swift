import PodlingProtocol

/// What this master may do at present: whether it leads, whether its store keeps up, whether it is shutting down.
struct MasterState {
    private(set) var leadership = Leadership.leading
    private(set) var storeState = StoreState.prompt
    private(set) var storeHealth = StoreHealth()
    private(set) var isShuttingDown = false
    /// Milliseconds since 1970; nil without TLS.
    private(set) var certificateEnd: Int64?

    var isStandby: Bool { leadership != .leading }
    /// Whether leases and deadlines may expire: not while replies to workers are held for the store.
    var doesTimeCount: Bool { leadership == .leading && storeState == .prompt }

    mutating func standBy(leader: String?) { leadership = .standby(leader: leader) }

    mutating func lead() { leadership = .leading }

    mutating func shutDown() { isShuttingDown = true }

    /// - Returns: whether the store has just caught up.
    mutating func storeBecame(_ state: StoreState) -> Bool {
        let wasPrompt = storeState == .prompt
        storeState = state
        return state == .prompt && !wasPrompt
    }

    mutating func storeBecame(_ health: StoreHealth) { storeHealth = health }

    mutating func certificateBecame(validUntil end: Int64?) { certificateEnd = end }

    // MARK: Restrictions

    static var storeRetryMilliseconds: Int { 1_000 }

    /// A standby answers `hello`, reads what its store has, and refuses the rest (proto-spec.md, section 3.1).
    func checkLeads(_ operation: Operation, isClientHello: Bool, asksStore: Bool) throws(WireError) {
        guard case .standby(let leader) = leadership else { return }
        switch operation.row.standby {
        case .answers: return
        case .answersFromStore: if asksStore { return }
        case .greetsClients: if isClientHello { return }
        case .refuses: break
        }
        throw WireError(
            .notLeader,
            leader.map { "this master is a standby: ask \($0)" } ?? "this master is a standby, and none leads now",
            retryAfterMilliseconds: leader == nil ? 500 : nil,
            leader: leader
        )
    }

    func checkStoreTakesMore() throws(WireError) {
        guard storeState == .full else { return }
        throw WireError(
            .unavailable,
            "the store has not answered for a while and no more can wait for it; nothing was changed",
            retryAfterMilliseconds: Self.storeRetryMilliseconds
        )
    }

    func checkStaysUp(for operation: Operation) throws(WireError) {
        guard isShuttingDown, operation.bringsTasks else { return }
        throw WireError(.draining, "the master is going down", retryAfterMilliseconds: 1_000)
    }

    // MARK: Status

    /// The leader's address, if another master leads: `,"standby":true,"leader":"HOST:PORT"`.
    func writeStandby(to writer: inout JSONWriter) {
        guard case .standby(let leader) = leadership else { return }
        writer.member("standby", true)
        guard let leader else { return }
        writer.member("leader", leader)
    }

    func writeStoreHealth(refusedTasks: Int, to writer: inout JSONWriter) {
        writer.key("store")
        if storeHealth.silentMilliseconds > 0 {
            writer.beginObject("status", word: "away")
            writer.member("awaySeconds", storeHealth.silentMilliseconds / 1_000)
        } else {
            writer.beginObject("status", word: "ok")
        }
        if refusedTasks > 0 { writer.member("refusedTasks", refusedTasks) }
        if storeHealth.lossCount > 0 { writer.member("losses", storeHealth.lossCount) }
        if !storeHealth.warnings.isEmpty {
            writer.key("warnings")
            writer.beginArray()
            for (index, warning) in storeHealth.warnings.enumerated() {
                writer.comma(before: index)
                writer.string(warning)
            }
            writer.endArray()
        }
        writer.endObject()
    }

    func writeCertificate(now: Tick, to writer: inout JSONWriter) {
        guard let certificateEnd else { return }
        writer.key("tls")
        writer.beginObject("certificateEndsAt")
        writer.timestamp(milliseconds: certificateEnd)
        writer.member("certificateSecondsLeft", Int((certificateEnd - now.wall) / 1_000))
        writer.endObject()
    }
}
