import DequeModule

/// Something that keeps input and goes on with it later.
protocol Resumable: AnyObject {
    /// Whether it stands in the queue.
    var isQueued: Bool { get set }
    /// Goes on as far as the turn's work reaches; called from the event loop, never from within another call of its own.
    func resume()
}

/// Those that go on once the sockets have been looked at again, first come first served.
struct RunQueue {
    private var waiting = Deque<any Resumable>()

    var isEmpty: Bool { waiting.isEmpty }
    var count: Int { waiting.count }

    /// Once more does nothing.
    mutating func append(_ item: any Resumable) {
        guard !item.isQueued else { return }
        item.isQueued = true
        waiting.append(item)
    }

    mutating func popFirst() -> (any Resumable)? {
        let item = waiting.popFirst()
        item?.isQueued = false
        return item
    }
}
