import PodlingProtocol

extension Effects {
    /// Removes and returns the lines that may leave while the store is late: those that report no change that is not
    /// durable, to sessions for which no earlier line waits. A read of a change that is not durable gets the error as
    /// its reply, or, where it is a page that was requested so, comes without it.
    ///
    /// - Parameters:
    /// - isWaiting: whether lines of earlier turns wait for the session in this slot.
    /// - isUnsettled: whether the last change of a task is not durable.
    package mutating func takeFree(
        isWaiting: (Int) -> Bool,
        isUnsettled: (TaskID) -> Bool,
        error: WireError
    ) -> Effects {
        var free = Effects()
        var kept = Effects()
        var blocked: Set<Int> = []
        forEachLine { line, frame, marks in
            let slot = frame.session.slot
            if !frame.isFree || isWaiting(slot) { blocked.insert(slot) }
            kept.isFree = frame.isFree
            let kind = marks.first { isUnsettled($0.task) }?.kind
            if kind == .reminder { return }
            if kind == .subscription || kind == .change { blocked.insert(slot) }
            if blocked.contains(slot) {
                kept.append(line, frame.session, marks)
            } else if kind == .item {
                free.appendPage(line, frame.session, without: marks.filter { isUnsettled($0.task) })
            } else if kind == .read, let id = Self.replyID(line), !Self.isError(line, after: id) {
                free.appendReply(to: id, frame.session, error)
            } else {
                free.append(line, frame.session, [])
            }
        }
        func isHeld(_ session: SessionID) -> Bool { blocked.contains(session.slot) || isWaiting(session.slot) }
        free.queries = queries.filter { $0.importing.isEmpty && !isHeld($0.session) }
        queries.removeAll { $0.importing.isEmpty && !isHeld($0.session) }
        free.closing = closing.filter { !isHeld($0) }
        closing.removeAll { !isHeld($0) }
        swap(&free.denials, &denials)
        swap(&free.denialsLeftOut, &denialsLeftOut)
        replaceLines(with: kept)
        return free
    }
}
