import PodlingProtocol

extension Effects {
    /// Takes out what may leave while the store is late, line by line: what says nothing of a change that the store does not
    /// have yet, to sessions for which nothing else waits. A read of what it does not have is answered by the error.
    ///
    /// - Parameters:
    ///   - isWaiting: whether lines of earlier turns wait for the session in this slot.
    ///   - isUnsettled: whether the store does not have the last change of a task.
    public mutating func takeFree(
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
