import DequeModule

/// An object that buffers input and resumes its processing later.
package protocol Resumable: AnyObject {
    /// Whether it is in the queue.
    var isQueued: Bool { get set }
    /// Resumes within the work budget of the turn; called from the event loop, never from within another call of its
    /// own.
    func resume()
}

/// The objects that resume once the sockets have been polled again, in FIFO order.
package struct RunQueue {
    private var waiting = Deque<any Resumable>()

    package init() {}

    package var isEmpty: Bool { waiting.isEmpty }
    package var count: Int { waiting.count }

    /// Appends an item, unless it is in the queue already.
    package mutating func append(_ item: any Resumable) {
        guard !item.isQueued else { return }
        item.isQueued = true
        waiting.append(item)
    }

    package mutating func popFirst() -> (any Resumable)? {
        let item = waiting.popFirst()
        item?.isQueued = false
        return item
    }
}
