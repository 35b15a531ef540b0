import DequeModule

/// A subscriber that is notified when a task has ended.
struct Waiter {
    var session: SessionID
    var number: Int
}

/// A terminal task with the subscribers still to be notified, and its object at that time.
struct Ending {
    var object: [UInt8]
    var waiters: [Waiter]
    /// The index of the first of them that was not notified yet.
    var next = 0
}

/// The retained transitions, and the subscribers still to be notified of them or of the end of a task.
struct EventFeed {
    /// The number of ended subscriptions whose entries may remain in the subscriber lists.
    private static let endedSubscriptionsMax = 8_192

    private(set) var events: EventRing
    var watchers = WatcherTable()
    /// The value of `events.next` when all watchers of all tasks that keep up were last up to date; 0 if one was not.
    var toldUpTo = 0
    private(set) var texts = EventTexts()
    /// Epochs whose cursors are still valid.
    private var earlierRuns: Set<String> = []
    /// Subscribers that wait for the end of a task.
    private var waiters: [TaskSlot: [Waiter]] = [:]
    /// Ends of which some waiters were not notified yet.
    private(set) var endings = Deque<Ending>()
    /// Terminal tasks with waiters, until these are settled.
    private var observedEnds = Deque<(slot: TaskSlot, id: TaskID)>()
    /// Open subscriptions of all sessions, output streams included.
    private(set) var subscriptionCount = 0
    /// Subscriptions ended since the lists were last pruned.
    private var endedCount = 0

    init(capacity: Int) { events = EventRing(capacity: capacity) }

    // MARK: Events

    mutating func append(_ event: TaskEvent) {
        watchers.happened(events.next, event.taskID)
        events.append(event)
    }

    /// Whether cursors of the run with this epoch are valid.
    func knows(epoch: String) -> Bool { earlierRuns.contains(epoch) }

    /// Continues the numbering of earlier runs.
    mutating func restore(capacity: Int, after lastNumber: Int, runs: [String]) {
        earlierRuns = Set(runs)
        events = EventRing(capacity: capacity, next: lastNumber + 1)
    }

    mutating func replaceEvents(with ring: EventRing) { events = ring }

    mutating func keepText(_ text: UnsafeRawBufferPointer, of number: Int) { texts.keep(text, of: number) }

    mutating func clearTexts() { texts.removeAll() }

    // MARK: Waiting for an end

    mutating func append(_ waiter: Waiter, of slot: TaskSlot) { waiters[slot, default: []].append(waiter) }

    mutating func takeWaiters(of slot: TaskSlot) -> [Waiter]? { waiters.removeValue(forKey: slot) }

    mutating func appendEnding(_ ending: Ending) { endings.append(ending) }

    /// Advances past the first waiter of the first end, which was notified.
    mutating func toldNext() {
        guard let first = endings.first else { return }
        if first.next + 1 < first.waiters.count { endings[0].next += 1 } else { endings.removeFirst() }
    }

    mutating func appendObservedEnd(_ slot: TaskSlot, _ id: TaskID) { observedEnds.append((slot, id)) }

    mutating func popObservedEnd() -> (slot: TaskSlot, id: TaskID)? { observedEnds.popFirst() }

    /// Whether notifications of some subscriber are outstanding.
    var hasMore: Bool {
        (!watchers.ofAll.isEmpty && toldUpTo != events.next) || watchers.hasDue || !observedEnds.isEmpty
            || !endings.isEmpty
    }

    // MARK: Subscriptions

    mutating func subscribed() { subscriptionCount += 1 }

    /// Counts a settled subscription, whose entry is removed from the lists already.
    mutating func settled() { subscriptionCount -= 1 }

    /// Counts subscriptions that end with their session; their entries stay in the lists until these are pruned.
    mutating func connectionEnded(subscriptions count: Int) {
        subscriptionCount -= count
        endedCount += count
    }

    /// Counts an ended subscription; its entry stays in a list until that is pruned.
    mutating func leftBehind() { endedCount += 1 }

    /// Removes the entries of ended subscriptions from the lists. They are skipped until then, so that closing a
    /// session costs the same however many others wait for the same task.
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
