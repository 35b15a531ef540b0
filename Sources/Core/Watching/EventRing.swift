import PodlingProtocol

/// One transition of a task, as `watch` reports it.
struct TaskEvent {
    var taskID: TaskID
    /// `none` if the task was already forgotten.
    var slot: TaskSlot
    var attempt: Int
    var node: String?
    var at: Int64
    /// nil for a new task.
    var from: TaskStatus?
    var to: TaskStatus
    var reason: TaskReason
}

/// The most recent transitions, numbered without gaps.
struct EventRing {
    private let capacity: Int
    private var events: [TaskEvent] = []
    private let first: Int
    /// The number of the next event.
    private(set) var next: Int

    /// - Parameter next: the number of the first event.
    init(capacity: Int, next: Int = 1) {
        self.capacity = max(capacity, 1)
        first = next
        self.next = next
    }

    /// The oldest retained number; equal to `next` if there is none.
    var oldest: Int { next - events.count }

    mutating func append(_ event: TaskEvent) {
        if events.count < capacity {
            events.append(event)
        } else {
            events[(next - first) % capacity] = event
        }
        next += 1
    }

    /// The event with a number from `oldest` up to, but not including, `next`.
    subscript(_ number: Int) -> TaskEvent { events[(number - first) % capacity] }
}
