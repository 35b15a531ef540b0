/// Somebody who is told transitions.
struct Watcher {
    var session: SessionID
    var number: Int
    /// The number of the next event to tell.
    var next: Int
    /// Events it asked for that were kept no more when it came.
    var missed = 0
}

/// Those who watch one task.
struct TaskWatch {
    var watchers: [Watcher] = []
    /// The task's events that somebody is still to be told, in order.
    var numbers: [Int] = []
    /// The task's object, once it has ended and the master holds it no more.
    var end: [UInt8]?
}

/// All who watch: those of one task are found by the task, so that an event costs nothing to those of others.
struct WatcherTable {
    /// Events of one task that are kept for a watcher that does not read.
    private static let numbersMax = 4_096

    var ofAll: [Watcher] = []
    /// Where telling goes on in `ofAll`, so that all have their turn.
    var position = 0
    private var ofTask: [TaskID: TaskWatch] = [:]
    /// Tasks whose watchers are to be told something, in the order in which it happened.
    private var due: [TaskID] = []
    private var areDue: Set<TaskID> = []

    var isEmpty: Bool { ofAll.isEmpty && ofTask.isEmpty }
    var hasDue: Bool { !due.isEmpty }

    /// - Parameter numbers: the task's events that it is to be told first.
    mutating func add(_ watcher: Watcher, of task: TaskID, numbers: [Int], end: [UInt8]?) {
        var watch = take(task)
        watch.watchers.append(watcher)
        // What others are still to be told is the end of what this one is.
        if let known = watch.numbers.first {
            watch.numbers.insert(contentsOf: numbers.prefix { $0 < known }, at: 0)
        } else {
            watch.numbers = numbers
        }
        watch.end = watch.end ?? end
        put(watch, task)
        markDue(task)
    }

    /// An event of a task has happened.
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

    /// Takes a task's watchers out, to be put back with `put`.
    mutating func take(_ task: TaskID) -> TaskWatch { ofTask.removeValue(forKey: task) ?? TaskWatch() }

    mutating func put(_ watch: TaskWatch, _ task: TaskID) {
        if !watch.watchers.isEmpty { ofTask[task] = watch }
    }

    /// Whether a task is watched, and how it ended is not kept here.
    func lacksEnd(_ task: TaskID) -> Bool { ofTask[task].map { $0.end == nil } ?? false }

    /// The task is about to be forgotten.
    mutating func keepEnd(_ end: [UInt8], of task: TaskID) { ofTask[task]?.end = end }

    /// Takes out who is alive no more.
    mutating func prune(_ isAlive: (SessionID, Int) -> Bool) {
        ofAll.removeAll { !isAlive($0.session, $0.number) }
        for task in Array(ofTask.keys) {
            var watch = take(task)
            watch.watchers.removeAll { !isAlive($0.session, $0.number) }
            put(watch, task)
        }
    }
}
