/// A subscriber that is sent transitions.
struct Watcher {
    var session: SessionID
    var number: Int
    /// The number of the next event to send.
    var next: Int
    /// The number of requested events that were no longer retained when it subscribed.
    var missed = 0
}

/// The watchers of one task.
struct TaskWatch {
    var watchers: [Watcher] = []
    /// The task's events that some watcher has yet to be sent, in order.
    var numbers: [Int] = []
    /// The task's object, once it is terminal and the master holds it no longer.
    var end: [UInt8]?
}

/// All watchers. Those of one task are indexed by the task, so that an event costs nothing for watchers of other tasks.
struct WatcherTable {
    /// The most events of one task that are retained for a watcher that does not read.
    private static let numbersMax = 4_096

    private(set) var ofAll: [Watcher] = []
    /// The round-robin position in `ofAll`.
    private var position = 0
    private var ofTask: [TaskID: TaskWatch] = [:]
    /// Tasks whose watchers have pending events, in the order of these events.
    private var due: [TaskID] = []
    private var areDue: Set<TaskID> = []

    var isEmpty: Bool { ofAll.isEmpty && ofTask.isEmpty }
    var hasDue: Bool { !due.isEmpty }

    mutating func append(ofAll watcher: Watcher) { ofAll.append(watcher) }

    /// The watcher of all tasks whose turn it is; there must be one.
    mutating func current() -> Watcher {
        if position >= ofAll.count { position = 0 }
        return ofAll[position]
    }

    mutating func replaceCurrent(with watcher: Watcher) { ofAll[position] = watcher }

    /// Gives the next watcher of all tasks its turn.
    mutating func advance() { position += 1 }

    /// - Parameter numbers: the task's events that it is to be sent first.
    mutating func add(_ watcher: Watcher, of task: TaskID, numbers: [Int], end: [UInt8]?) {
        var watch = take(task)
        watch.watchers.append(watcher)
        // The events pending for other watchers are the tail of those pending for this one.
        if let known = watch.numbers.first {
            watch.numbers.insert(contentsOf: numbers.prefix { $0 < known }, at: 0)
        } else {
            watch.numbers = numbers
        }
        watch.end = watch.end ?? end
        put(watch, task)
        markDue(task)
    }

    /// Queues an event for the watchers of its task.
    mutating func happened(_ number: Int, _ task: TaskID) {
        guard !ofTask.isEmpty, ofTask[task] != nil else { return }
        ofTask[task]?.numbers.append(number)
        if let count = ofTask[task]?.numbers.count, count > Self.numbersMax {
            ofTask[task]?.numbers.removeFirst(count / 2)
        }
        markDue(task)
    }

    mutating func markDue(_ task: TaskID) {
        guard ofTask[task] != nil, areDue.insert(task).inserted else { return }
        due.append(task)
    }

    mutating func takeDue() -> [TaskID] {
        defer {
            due.removeAll(keepingCapacity: true)
            areDue.removeAll(keepingCapacity: true)
        }
        return due
    }

    /// Removes and returns a task's watchers, which `put` puts back.
    mutating func take(_ task: TaskID) -> TaskWatch { ofTask.removeValue(forKey: task) ?? TaskWatch() }

    mutating func put(_ watch: TaskWatch, _ task: TaskID) {
        if !watch.watchers.isEmpty { ofTask[task] = watch }
    }

    /// Whether a task is watched and its final object is not retained here.
    func lacksEnd(_ task: TaskID) -> Bool { ofTask[task].map { $0.end == nil } ?? false }

    /// Retains the object of a task that is about to be forgotten.
    mutating func keepEnd(_ end: [UInt8], of task: TaskID) { ofTask[task]?.end = end }

    /// Removes the watchers whose subscription has ended.
    mutating func prune(_ isAlive: (SessionID, Int) -> Bool) {
        ofAll.removeAll { !isAlive($0.session, $0.number) }
        for task in Array(ofTask.keys) {
            var watch = take(task)
            watch.watchers.removeAll { !isAlive($0.session, $0.number) }
            put(watch, task)
        }
    }
}
