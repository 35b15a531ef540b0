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
    private(set) var watchers = WatcherTable()
    /// The value of `events.next` when all watchers of all tasks that keep up were last up to date; 0 if one was not.
    private var toldUpTo = 0
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

    // MARK: Watchers of all tasks

    mutating func append(ofAll watcher: Watcher) {
        watchers.append(ofAll: watcher)
        toldUpTo = 0
    }

    /// Notes that a watcher keeps up again.
    mutating func resumed() { toldUpTo = 0 }

    /// The watcher of all tasks whose turn it is; there must be one.
    mutating func current() -> Watcher { watchers.current() }

    mutating func replaceCurrent(with watcher: Watcher) { watchers.replaceCurrent(with: watcher) }

    /// Gives the next watcher of all tasks its turn.
    mutating func advance() { watchers.advance() }

    /// Notes the end of a round.
    /// - Parameter isBehind: whether a watcher that keeps up was not sent everything.
    mutating func endRound(isBehind: Bool) { toldUpTo = isBehind ? 0 : events.next }

    // MARK: Watchers of one task

    mutating func add(_ watcher: Watcher, of task: TaskID, numbers: [Int], end: [UInt8]?) {
        watchers.add(watcher, of: task, numbers: numbers, end: end)
    }

    mutating func markDue(_ task: TaskID) { watchers.markDue(task) }

    mutating func takeDue() -> [TaskID] { watchers.takeDue() }

    /// Removes and returns a task's watchers, which `put` puts back.
    mutating func take(_ task: TaskID) -> TaskWatch { watchers.take(task) }

    mutating func put(_ watch: TaskWatch, _ task: TaskID) { watchers.put(watch, task) }

    /// Retains the object of a task that is about to be forgotten.
    mutating func keepEnd(_ end: [UInt8], of task: TaskID) { watchers.keepEnd(end, of: task) }

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
