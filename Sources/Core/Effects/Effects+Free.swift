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
        // Marks and lines stand in the same order.
        var next = 0
        for frame in frames {
            let slot = frame.session.slot
            if !frame.isFree || isWaiting(slot) { blocked.insert(slot) }
            kept.isFree = frame.isFree
            withBytes(of: frame) { bytes in
                var start = frame.start
                for line in bytes.split(separator: 0x0A) {
                    let line = UnsafeRawBufferPointer(rebasing: line)
                    while next < marks.count, marks[next].end <= start { next += 1 }
                    let marks = marks[next...].prefix { $0.start <= start }
                    start += line.count + 1
                    let kind = marks.first { isUnsettled($0.task) }?.kind
                    if kind == .reminder { continue }
                    if kind == .subscription || kind == .change { blocked.insert(slot) }
                    if blocked.contains(slot) {
                        kept.append(line, frame.session, marks)
                    } else if kind == .read, let id = Self.replyID(line), !Self.isError(line, after: id) {
                        free.reply(RequestName(session: frame.session, id: UnsafeRawBufferPointer(rebasing: id)), error)
                    } else {
                        free.append(line, frame.session, [])
                    }
                }
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

    private mutating func append(_ line: UnsafeRawBufferPointer, _ session: SessionID, _ marks: ArraySlice<Mark>) {
        let start = writer.count
        begin(session)
        writer.raw(line)
        end()
        for mark in marks { self.mark(mark.task, mark.kind, from: start) }
    }

    static func isError(_ line: UnsafeRawBufferPointer, after id: Slice<UnsafeRawBufferPointer>) -> Bool {
        line[id.endIndex...].starts(with: ",\"err\":".utf8)
    }
}
