import PodlingProtocol

/// One transition of a task, as `watch` tells it.
struct TaskEvent {
    var taskID: TaskID
    var slot: Int32
    var attempt: Int32
    var node: String?
    var at: Int64
    /// nil for a new task.
    var from: TaskStatus?
    var to: TaskStatus
    var reason: TaskReason
}

/// The last transitions, numbered from 1 without gaps.
struct EventRing {
    private let capacity: Int
    private var events: [TaskEvent] = []
    /// The number the next event gets.
    private(set) var next = 1

    init(capacity: Int) { self.capacity = max(capacity, 1) }

    /// The oldest number kept; equal to `next` while there is none.
    var oldest: Int { next - events.count }

    mutating func append(_ event: TaskEvent) {
        if events.count < capacity {
            events.append(event)
        } else {
            events[(next - 1) % capacity] = event
        }
        next += 1
    }

    /// The event of a number from `oldest` up to, not including, `next`.
    subscript(_ number: Int) -> TaskEvent { events[(number - 1) % capacity] }
}
