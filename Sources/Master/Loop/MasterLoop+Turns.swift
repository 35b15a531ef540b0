import Logging
import NIOCore
import PodlingCore
import PodlingProtocol
import PodlingStore

/// The end of a turn: its changes go to the store, and its effects leave once they are durable.
extension MasterLoop {
    /// After this long without a turn, a small one ends at once instead of waiting for more input.
    private static let quietTime = TimeAmount.microseconds(200)
    private static let smallTurnBytes = 4 * 1024
    /// Output size at which a turn is ended early.
    private static let largeTurnBytes = 1024 * 1024
    /// The `retryAfter` of a change that the store rejected.
    private static let refusalRetryMilliseconds = 5_000
    /// A store that has been silent for longer delays writes only.
    static let lateMilliseconds: Int64 = 1_000

    /// Ends the turn after one read when there is little load, otherwise with the whole poll.
    func readComplete() {
        let isQuiet = NIODeadline.now() - lastTurnEnd > Self.quietTime && turn.effects.byteCount < Self.smallTurnBytes
        if isQuiet, !isTurnScheduled, runQueue.isEmpty { endPoll() } else { scheduleTurnEnd() }
    }

    /// Ends the turn after all sockets of this poll were read.
    func scheduleTurnEnd() {
        guard !isTurnScheduled else { return }
        isTurnScheduled = true
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.execute { bound.value.endPoll() }
    }

    var isTurnLarge: Bool { turn.effects.byteCount > Self.largeTurnBytes }

    func endTurn() {
        // A socket that is being written to may call back at once; its input belongs to the next turn.
        guard !isCarryingOut else { return scheduleTurnEnd() }
        isTurnScheduled = false
        lastTurnEnd = .now()
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
            held.append(ended, isDurable: isDurable, now: Tick.current().monotonic)
            if isLate { carryOutFree(ofLastOnly: true) }
            tellStoreState()
        }
        closeHalfClosed()
        boundUnread()
        if core.hasMoreToTell { scheduleTurnAfterPoll() }
    }

    private func carryOutFree(ofLastOnly isLastOnly: Bool) {
        for turn in held.takeFree(ofLastOnly: isLastOnly) { carryOut(turn) }
    }

    // MARK: The store

    /// Whether the store is so far behind that reading from this session must wait (back-pressure).
    func isBehind(_ id: SessionID) -> Bool {
        held.isFull && (!isLate || held.holds(id.slot))
    }

    func tellStoreState() {
        let wasLate = isLate
        let now = Tick.current()
        let state = held.storeState(now: now.monotonic)
        isLate = state != .prompt
        if isLate, !wasLate {
            logger.warning("the store is late")
            carryOutFree(ofLastOnly: false)
        } else if wasLate, !isLate {
            logger.notice("the store is back")
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
        var batch = StoreBatch()
        if store.keepsRows { batch = core.takeChanges() } else { core.dropChanges() }
        (turn.retried, turn.rows) = (batch.retried, batch.tasks)
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let loop = eventLoop
        let answer = store.commit(
            batch,
            refused: { rows in loop.execute { bound.value.refusedRows = rows } },
            done: { result in loop.execute { bound.value.committed(result) } }
        )
        return answer == .durable
    }

    /// The oldest batch that was not durable is durable now: it and the turns behind it may leave.
    private func committed(_ result: Result<Void, StoreError>) {
        guard !hasFailed else { return }
        if case .failure(let error) = result { return fail(error) }
        withholdRefused()
        while let durable = held.popDurable() { carryOut(durable) }
        tellStoreState()
        if !held.isFull { resumePaused() }
        closeHalfClosed()
        boundUnread()
    }

    /// Withholds the lines that rows rejected by the store make untrue: their requesters get an error instead.
    private func withholdRefused() {
        let rows = refusedRows
        refusedRows = []
        var (new, changed): ([TaskID: WireError], [TaskID: WireError]) = ([:], [:])
        var texts: [[UInt8]: TaskID] = [:]
        for row in rows {
            if row.isNew { new[row.task] = Self.refusal(of: row) } else { changed[row.task] = Self.refusal(of: row) }
            texts[core.lineText(of: row.task)] = row.task
        }
        let untold = rows.isEmpty ? [] : held.withhold(new: new, changed: changed, texts: texts)
        let retried = held.markOldestDurable()
        guard !rows.isEmpty || !retried.isEmpty else { return }
        core.storeAnswered(rows, retried: retried, untold: untold, now: Tick.current(), into: &turn.effects)
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
    func fail(_ error: StoreError) {
        guard !hasFailed else { return }
        hasFailed = true
        if isGoingDown, !error.isLeadLost { refuseHeld() } else { held.removeAll() }
        storeFailed?(error)
        for sink in sinks { sink?.close() }
    }

    // MARK: Carrying out

    func carryOut(_ turn: Turn) {
        isCarryingOut = true
        defer { isCarryingOut = false }
        for frame in turn.effects.frames {
            let slot = frame.session.slot
            guard isCurrent(frame.session), let sink = sinks[Int(slot)] else { continue }
            turn.effects.withBytes(of: frame) { sink.deliver($0) }
            guard !isDirty[Int(slot)] else { continue }
            isDirty[Int(slot)] = true
            dirty.append(slot)
        }
        // The sessions written last got assignments, which are more urgent than replies.
        for slot in dirty.reversed() {
            isDirty[Int(slot)] = false
            halfClosed.sent(slot)
            sinks[Int(slot)]?.flush()
        }
        dirty.removeAll(keepingCapacity: true)
        if !turn.effects.denials.isEmpty { denialLog.write(turn.effects, to: logger) }
        for query in turn.effects.queries { ask(query) }
        for session in turn.effects.closing where isCurrent(session) { sinks[session.slot]?.close() }
        turn.effects.removeAll()
        (turn.retried, turn.rows) = ([], [])
        sentTurnNumber = max(sentTurnNumber, turn.number)
        spareTurn = turn
    }

    private func ask(_ query: Effects.Query) {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let loop = eventLoop
        store.read(query.query) { result in loop.execute { bound.value.answered(query, result) } }
    }

    private func answered(_ query: Effects.Query, _ result: Result<StorePage, StoreError>) {
        if case .failure(let error) = result { logger.warning("reading the store: \(error.message)") }
        core.answer(query, try? result.get(), into: &turn.effects)
        scheduleTurnEnd()
        if isCurrent(query.session), let sink = sinks[query.session.slot] { resumeSoon(sink) }
    }
}
