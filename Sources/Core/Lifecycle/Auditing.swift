import PodlingProtocol

extension MasterCore {
    /// Tells a transition to those who watch, and to the store where it keeps them.
    mutating func happened(_ event: TaskEvent) {
        if configuration.isAudited { changes.append(row(event)) }
        feed.append(event)
    }

    /// All transitions that are kept, for a store that may have lost them; who caused them is known no more.
    func heldEvents() -> [TaskEventRow] {
        (feed.events.oldest..<feed.events.next).map { number in
            var row = row(feed.events[number])
            (row.number, row.actor) = (number, "unknown")
            return row
        }
    }

    private func row(_ event: TaskEvent) -> TaskEventRow {
        TaskEventRow(
            number: feed.events.next,
            taskID: tasks.records.text(of: event.taskID),
            attempt: event.attempt,
            nodeID: event.node,
            at: event.at,
            from: event.from,
            to: event.to,
            reason: event.reason,
            actor: actor
        )
    }

    /// Whose line is carried out; between lines the master decides itself.
    private var actor: String {
        guard let acting = sessions.acting, sessions.isOpen(acting) else { return "master" }
        let session = sessions[acting]
        if session.role == .worker { return "node \(session.node)" }
        return session.identity.map { "\($0) \(session.peer)" } ?? "client \(session.peer)"
    }

    // MARK: What earlier runs left

    /// The highest that every JSON reader tells from the next (RFC 8259, section 6).
    private static let eventNumberMax = 1 << 53

    /// Goes on with the numbers of earlier runs. Call it before any task is restored.
    ///
    /// A number that no run can have reached is nothing to go on from.
    public mutating func restore(_ trail: EventTrail) {
        guard (0...Self.eventNumberMax).contains(trail.lastNumber) else { return }
        feed.restore(capacity: configuration.eventsKeptMax, after: trail.lastNumber, runs: trail.runs)
    }

    /// Takes the last transitions of earlier runs, by number, up to the trail's last; after all tasks, before `endRestore`.
    public mutating func restoreEvents(_ rows: [TaskEventRow]) {
        guard rows.allSatisfy({ (1...Self.eventNumberMax).contains($0.number) }), let first = rows.first,
            rows.last.map({ $0.number + 1 }) == feed.events.oldest
        else { return }
        let own = (feed.events.oldest..<feed.events.next).map { feed.events[$0] }
        var ring = EventRing(capacity: configuration.eventsKeptMax, next: first.number)
        for row in rows {
            // Where one is missing, nobody can go on from before it.
            if row.number != ring.next { ring = EventRing(capacity: configuration.eventsKeptMax, next: row.number) }
            ring.append(event(row))
        }
        for event in own { ring.append(event) }
        feed.replaceEvents(with: ring)
    }

    private mutating func event(_ row: TaskEventRow) -> TaskEvent {
        let text = Array(row.taskID.utf8)
        // A task that another system named may be gone; its id is told still.
        let id = tasks.records.id(text) ?? tasks.records.restoreForeign(text, createdAt: row.at) ?? TaskID(number: 0)
        return TaskEvent(
            taskID: id,
            slot: tasks.slot(of: id) ?? .none,
            attempt: min(max(row.attempt, 0), Limits.attemptReportedMax),
            node: row.nodeID,
            at: row.at,
            from: row.from,
            to: row.to,
            reason: row.reason
        )
    }
}
