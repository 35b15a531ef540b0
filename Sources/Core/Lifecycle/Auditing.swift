import PodlingProtocol

extension MasterCore {
    /// Publishes a transition to watchers, and to the store if that keeps transitions.
    mutating func happened(_ event: TaskEvent) {
        if configuration.isAudited { changes.append(row(event)) }
        feed.append(event)
    }

    /// All retained transitions, for a store that may have lost them; their actors are no longer known.
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
            taskID: tasks.table.text(of: event.taskID),
            attempt: event.attempt,
            nodeID: event.node,
            at: event.at,
            from: event.from,
            to: event.to,
            reason: event.reason,
            actor: actor
        )
    }

    /// The actor of a transition: the peer whose line is being executed; between lines, the master itself.
    private var actor: String {
        guard let acting = sessions.acting, sessions.isOpen(acting) else { return "master" }
        let session = sessions[acting]
        if session.role == .worker { return "node \(session.node)" }
        return session.identity.map { "\($0) \(session.peer)" } ?? "client \(session.peer)"
    }

    // MARK: Transitions of earlier runs

    /// The highest integer that every JSON reader represents exactly (RFC 8259, section 6).
    private static let eventNumberMax = 1 << 53

    /// Continues the event numbering of earlier runs. Call it before any task is restored.
    ///
    /// A number that no run can have reached is ignored.
    package mutating func restore(_ trail: EventTrail) {
        guard (0...Self.eventNumberMax).contains(trail.lastNumber) else { return }
        feed.restore(capacity: configuration.eventsKeptMax, after: trail.lastNumber, runs: trail.runs)
    }

    /// Restores the last transitions of earlier runs, by number, up to the trail's last; call it after all tasks,
    /// before `endRestore`.
    package mutating func restoreEvents(_ rows: [TaskEventRow]) {
        guard rows.allSatisfy({ (1...Self.eventNumberMax).contains($0.number) }), let first = rows.first,
            rows.last.map({ $0.number + 1 }) == feed.events.oldest
        else { return }
        let own = (feed.events.oldest..<feed.events.next).map { feed.events[$0] }
        var ring = EventRing(capacity: configuration.eventsKeptMax, next: first.number)
        for row in rows {
            // After a missing transition, no cursor from before it can be resumed.
            if row.number != ring.next { ring = EventRing(capacity: configuration.eventsKeptMax, next: row.number) }
            ring.append(event(row))
        }
        for event in own { ring.append(event) }
        feed.replaceEvents(with: ring)
    }

    private mutating func event(_ row: TaskEventRow) -> TaskEvent {
        let text = Array(row.taskID.utf8)
        // A task with a foreign id may be forgotten; its id is still reported.
        let id = tasks.table.id(text) ?? tasks.restoreForeign(text, createdAt: row.at) ?? TaskID(number: 0)
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
