import DequeModule

/// Somebody who is told when a task has ended.
struct Waiter {
    var session: SessionID
    var number: Int
}

/// A task that has ended, and those who are still to be told, with its object as it then was.
struct Ending {
    var object: [UInt8]
    var waiters: [Waiter]
    /// The first of them that was not told yet.
    var next = 0
}

/// The transitions that are kept, and who is still to be told of them or of the end of a task.
struct EventFeed {
    /// Ended subscriptions that may still stand in the lists of who is told.
    private static let endedSubscriptionsMax = 8_192

    private(set) var events: EventRing
    var watchers = WatcherTable()
    /// Where the events stood when all watchers of all tasks that keep up were told; 0 where one was not.
    var toldUpTo = 0
    private(set) var texts = EventTexts()
    /// Epochs whose cursors are good still.
    private var earlierRuns: Set<String> = []
    /// Those who wait for the end of a task.
    private var waiters: [TaskSlot: [Waiter]] = [:]
    /// Ends of which some who waited were not told yet.
    private(set) var endings = Deque<Ending>()
    /// Tasks that ended and that somebody waits for, while that is not settled.
    private var observedEnds = Deque<(slot: TaskSlot, id: TaskID)>()
    /// Subscriptions of all connections, those to output too.
    private(set) var subscriptionCount = 0
    /// Since the lists of who is told were last pruned.
    private var endedCount = 0

    init(capacity: Int) { events = EventRing(capacity: capacity) }

    // MARK: Events

    mutating func append(_ event: TaskEvent) {
        watchers.happened(events.next, event.taskID)
        events.append(event)
    }

    /// Whether the cursors of a run with this epoch are good.
    func knows(epoch: String) -> Bool { earlierRuns.contains(epoch) }

    /// Goes on with the numbers of earlier runs.
    mutating func restore(capacity: Int, after lastNumber: Int, runs: [String]) {
        earlierRuns = Set(runs)
        events = EventRing(capacity: capacity, next: lastNumber + 1)
    }

    mutating func replaceEvents(with ring: EventRing) { events = ring }

    mutating func keepText(_ text: UnsafeRawBufferPointer, of number: Int) { texts.keep(text, of: number) }

    mutating func clearTexts() { texts.removeAll() }

    // MARK: Who waits for an end

    mutating func append(_ waiter: Waiter, of slot: TaskSlot) { waiters[slot, default: []].append(waiter) }

    mutating func takeWaiters(of slot: TaskSlot) -> [Waiter]? { waiters.removeValue(forKey: slot) }

    mutating func appendEnding(_ ending: Ending) { endings.append(ending) }

    /// The next who waits for the first of the endings was told.
    mutating func toldNext() {
        guard let first = endings.first else { return }
        if first.next + 1 < first.waiters.count { endings[0].next += 1 } else { endings.removeFirst() }
    }

    mutating func appendObservedEnd(_ slot: TaskSlot, _ id: TaskID) { observedEnds.append((slot, id)) }

    mutating func popObservedEnd() -> (slot: TaskSlot, id: TaskID)? { observedEnds.popFirst() }

    /// Whether somebody has more to be told.
    var hasMore: Bool {
        (!watchers.ofAll.isEmpty && toldUpTo != events.next) || watchers.hasDue || !observedEnds.isEmpty
            || !endings.isEmpty
    }

    // MARK: Subscriptions

    mutating func subscribed() { subscriptionCount += 1 }

    /// One is settled, and its entry is taken out of the lists already.
    mutating func settled() { subscriptionCount -= 1 }

    /// So many end with their connection; their entries stand in the lists until they are pruned.
    mutating func connectionEnded(subscriptions count: Int) {
        subscriptionCount -= count
        endedCount += count
    }

    /// The entry of one that was ended stands in a list until it is pruned.
    mutating func leftBehind() { endedCount += 1 }

    /// Takes those that have ended out of the lists of who is told. They are passed by until then, so that the end of a
    /// connection costs the same however many wait for what it waited for.
    mutating func prune(_ isWaiting: (SessionID, Int) -> Bool) {
        guard endedCount > max(Self.endedSubscriptionsMax, subscriptionCount) else { return }
        endedCount = 0
        watchers.prune(isWaiting)
        for slot in Array(waiters.keys) {
            waiters[slot]?.removeAll { !isWaiting($0.session, $0.number) }
            if waiters[slot]?.isEmpty == true { waiters[slot] = nil }
        }
    }
}
