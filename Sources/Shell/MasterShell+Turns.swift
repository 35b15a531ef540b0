import PodlingCore
import PodlingProtocol
import PodlingStore

/// The end of a turn: its changes go to the store, and its effects leave once they are durable.
extension MasterShell {
    /// After this long without a turn, a small one ends at once instead of waiting for more input.
    private static let quietMicroseconds: Int64 = 200
    private static let smallTurnBytes = 4 * 1024
    /// Output size at which a turn is ended early.
    private static let largeTurnBytes = 1024 * 1024
    /// The `retryAfter` of a change that the store rejected.
    private static let refusalRetryMilliseconds = 5_000

    /// Ends the turn after one read when there is little load, otherwise with the whole poll.
    package func readComplete() {
        let isQuiet =
            host.monotonicMicroseconds - lastTurnEnd > Self.quietMicroseconds
            && turn.effects.byteCount < Self.smallTurnBytes
        if isQuiet, !isTurnScheduled, runQueue.isEmpty { endPoll() } else { scheduleTurnEnd() }
    }

    /// Ends the turn after all sockets of this poll were read.
    package func scheduleTurnEnd() {
        guard !isTurnScheduled else { return }
        isTurnScheduled = true
        host.execute(.endPoll)
    }

    package var isTurnLarge: Bool { turn.effects.byteCount > Self.largeTurnBytes }

    package func endTurn() {
        // A socket that is being written to may call back at once; its input belongs to the next turn.
        guard !isCarryingOut else { return scheduleTurnEnd() }
        isTurnScheduled = false
        lastTurnEnd = host.monotonicMicroseconds
        core.endTurn(into: &turn.effects)
        let ended = turn
        let isDurable = commit()
        // Carrying out the turn closes and opens sessions, whose effects belong to the next turn.
        turn = spareTurn ?? Turn()
        turn.number = ended.number + 1
        spareTurn = nil
        if hasFailed {
            closeAll()
        } else if isDurable, held.isEmpty || ended.effects.isEmpty {
            carryOut(ended)
        } else {
            held.append(ended, isDurable: isDurable, now: host.now.monotonic)
            if isLate { carryOutFree(ofLastOnly: true) }
            tellStoreState()
        }
        closeHalfClosed()
        boundUnread()
        if core.hasMoreToTell { scheduleTurnAfterPoll() }
    }

    private func carryOutFree(ofLastOnly isLastOnly: Bool) {
        for turn in held.takeFree(ofLastOnly: isLastOnly) {
            host.tell(.sentAhead)
            carryOut(turn)
        }
    }

    // MARK: The store

    /// Whether the store is so far behind that reading from this session must wait (back-pressure).
    func isBehind(_ id: SessionID) -> Bool {
        held.isFull && (!isLate || held.holds(id.slot))
    }

    func tellStoreState() {
        let wasLate = isLate
        let now = host.now
        let state = held.storeState(now: now.monotonic)
        isLate = state != .prompt
        if isLate, !wasLate {
            host.tell(.storeLate)
            carryOutFree(ofLastOnly: false)
        } else if wasLate, !isLate {
            host.tell(.storeBack)
        }
        guard isLate || wasLate else { return }
        core.store(is: state, now: now)
        resumePaused()
    }

    /// Submits the turn's changes to the store as one batch (group commit).
    /// - Returns: whether they are durable already.
    private func commit() -> Bool {
        // Changes made while restoring are committed once the restore is complete.
        guard core.hasChanges, core.leadership == .leading, !hasEnded else { return true }
        guard host.keepsRows else {
            core.dropChanges()
            return host.commit(StoreBatch()) == .durable
        }
        let batch = core.takeChanges()
        (turn.retried, turn.rows) = (batch.retried, batch.tasks)
        return host.commit(batch) == .durable
    }

    /// The oldest batch that was not durable is durable now, besides rows that the store rejects: it and the turns
    /// behind it may leave.
    package func committed(_ result: Result<Void, StoreError>, refused rows: [RefusedRow]) {
        guard !hasFailed else { return }
        if case .failure(let error) = result { return fail(error) }
        withhold(rows)
        while let durable = held.popDurable() { carryOut(durable) }
        tellStoreState()
        if !held.isFull { resumePaused() }
        closeHalfClosed()
        boundUnread()
    }

    /// Withholds the lines that rows rejected by the store make untrue: their requesters get an error instead.
    private func withhold(_ rows: [RefusedRow]) {
        var (new, changed): ([TaskID: WireError], [TaskID: WireError]) = ([:], [:])
        var texts: [[UInt8]: TaskID] = [:]
        for row in rows {
            if row.isNew { new[row.task] = Self.refusal(of: row) } else { changed[row.task] = Self.refusal(of: row) }
            texts[core.lineText(of: row.task)] = row.task
        }
        let untold = rows.isEmpty ? [] : held.withhold(new: new, changed: changed, texts: texts)
        let retried = held.markOldestDurable()
        guard !rows.isEmpty || !retried.isEmpty else { return }
        core.storeAnswered(rows, retried: retried, untold: untold, now: host.now, into: &turn.effects)
        scheduleTurnEnd()
    }

    private static func refusal(of row: RefusedRow) -> WireError {
        guard !row.isNew else {
            return WireError(.storeRefused, "the database refuses this, and nothing was taken: \(row.reason)")
        }
        return WireError(
            .storeRefused,
            "the database refuses this change, which holds in this master only and is tried again: \(row.reason)",
            isRetryable: true,
            retryAfterMilliseconds: refusalRetryMilliseconds
        )
    }

    /// Fails the master: effects that are not durable never leave, and all connections are closed without them.
    package func fail(_ error: StoreError) {
        guard !hasFailed else { return }
        hasFailed = true
        if isGoingDown, !error.isLeadLost { refuseHeld() } else { held.removeAll() }
        host.tell(.storeFailed(error))
        for sink in sessions.sinks { sink.close() }
    }

    // MARK: Carrying out

    func carryOut(_ turn: Turn) {
        isCarryingOut = true
        defer { isCarryingOut = false }
        turn.effects.forEachFrame { session, lines in sessions.sinkToDeliver(to: session)?.deliver(lines) }
        // The sessions written last got assignments, which are more urgent than replies.
        while let (slot, sink) = sessions.takeDirty() {
            halfClosed.sent(slot)
            sink?.flush()
        }
        if turn.effects.hasBesidesLines { carryOutRest(turn) }
        turn.clear()
        sentTurnNumber = max(sentTurnNumber, turn.number)
        spareTurn = turn
    }

    private func carryOutRest(_ turn: Turn) {
        if !turn.effects.denials.isEmpty {
            host.tell(denials: turn.effects.denials, leftOut: turn.effects.denialsLeftOut)
        }
        for query in turn.effects.queries { host.read(query) }
        for session in turn.effects.closing { sessions.sink(of: session)?.close() }
    }

    /// The store's answer to a query.
    package func answered(_ query: Effects.Query, _ result: Result<StorePage, StoreError>) {
        if case .failure(let error) = result { host.tell(.storeNotRead(error)) }
        core.answer(query, try? result.get(), into: &turn.effects)
        scheduleTurnEnd()
        if let sink = sessions.sink(of: query.session) { resumeSoon(sink) }
    }
}
