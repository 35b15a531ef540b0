import PodlingCore
import PodlingProtocol
import PodlingStore

/// The end of a turn: its changes go to the store, and its effects leave once they are durable.
extension MasterShell {
    private static let quietMicroseconds: Int64 = 200
    private static let smallTurnBytes = 4 * 1024
    private static let largeTurnBytes = 1024 * 1024
    private static let refusalRetryMilliseconds = 5_000

    func readComplete() {
        let isQuiet = world.now - lastTurnEnd > Self.quietMicroseconds && turn.effects.byteCount < Self.smallTurnBytes
        if isQuiet, !isTurnScheduled, runQueue.isEmpty { endPoll() } else { scheduleTurnEnd() }
    }

    func scheduleTurnEnd() {
        guard !isTurnScheduled else { return }
        isTurnScheduled = true
        execute { [self] in endPoll() }
    }

    var isTurnLarge: Bool { turn.effects.byteCount > Self.largeTurnBytes }

    func endTurn() {
        guard !isCarryingOut else { return scheduleTurnEnd() }
        isTurnScheduled = false
        lastTurnEnd = world.now
        core.endTurn(into: &turn.effects)
        let ended = turn
        let isDurable = commit()
        turn = spareTurn ?? Turn()
        turn.number = ended.number + 1
        spareTurn = nil
        if hasFailed {
            closeAll()
        } else if isDurable, held.isEmpty || ended.effects.isEmpty {
            carryOut(ended)
        } else {
            held.append(ended, isDurable: isDurable, now: now.monotonic)
            if isLate { carryOutFree(ofLastOnly: true) }
            tellStoreState()
        }
        closeHalfClosed()
        boundUnread()
        if core.hasMoreToTell { scheduleTurnAfterPoll() }
    }

    private func carryOutFree(ofLastOnly isLastOnly: Bool) {
        for turn in held.takeFree(ofLastOnly: isLastOnly) {
            world.used("free lines while late")
            carryOut(turn)
        }
    }

    func isBehind(_ id: SessionID) -> Bool { held.isFull && (!isLate || held.holds(id.slot)) }

    func tellStoreState() {
        let wasLate = isLate
        let state = held.storeState(now: now.monotonic)
        isLate = state != .prompt
        if isLate, !wasLate {
            world.used("store late")
            carryOutFree(ofLastOnly: false)
        }
        guard isLate || wasLate else { return }
        core.store(is: state, now: now)
        resumePaused()
    }

    private func commit() -> Bool {
        guard core.hasChanges, core.leadership == .leading, !hasEnded else { return true }
        let batch = core.takeChanges()
        (turn.retried, turn.rows) = (batch.retried, batch.tasks)
        world.cluster.checkers.batch(batch, isLeader: store.isLeader)
        store.commit(
            batch,
            refused: { [self] in refusedRows = $0 },
            done: { [self] in committed($0) }
        )
        return false
    }

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
        core.storeAnswered(rows, retried: retried, untold: untold, now: now, into: &turn.effects)
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

    // MARK: Carrying out

    func carryOut(_ turn: Turn) {
        isCarryingOut = true
        defer { isCarryingOut = false }
        for frame in turn.effects.frames {
            let slot = frame.session.slot
            guard isCurrent(frame.session), let sink = sinks[slot] else { continue }
            turn.effects.withBytes(of: frame) {
                world.cluster.checkers.leaves($0, from: process)
                sink.deliver($0)
            }
            guard !isDirty[slot] else { continue }
            isDirty[slot] = true
            dirty.append(slot)
        }
        for slot in dirty.reversed() {
            isDirty[slot] = false
            halfClosed.sent(slot)
            sinks[slot]?.flush()
        }
        dirty.removeAll(keepingCapacity: true)
        for query in turn.effects.queries { ask(query) }
        for session in turn.effects.closing where isCurrent(session) { sinks[session.slot]?.close() }
        turn.effects.removeAll()
        (turn.retried, turn.rows) = ([], [])
        sentTurnNumber = max(sentTurnNumber, turn.number)
        spareTurn = turn
    }

    private func ask(_ query: Effects.Query) {
        world.used("query of the store")
        store.read(query.query) { [self] page in
            core.answer(query, page, into: &turn.effects)
            scheduleTurnEnd()
            if isCurrent(query.session), let sink = sinks[query.session.slot] { resumeSoon(sink) }
        }
    }
}
