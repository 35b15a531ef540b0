import HeapModule

/// What is to happen, by time, and at one time in the order in which it was planned.
struct EventHeap {
    private struct Entry: Comparable {
        /// Microseconds.
        var time: Int64
        var sequence: Int
        var place: Int

        static func < (one: Entry, other: Entry) -> Bool {
            one.time != other.time ? one.time < other.time : one.sequence < other.sequence
        }

        static func == (one: Entry, other: Entry) -> Bool { one.sequence == other.sequence }
    }

    private var heap = Heap<Entry>()
    /// The bodies stand beside the heap, so that sifting moves plain numbers only.
    private var bodies: [(() -> Void)?] = []
    private var free: [Int] = []
    private var sequence = 0

    mutating func insert(at time: Int64, _ body: @escaping () -> Void) {
        let place: Int
        if let last = free.popLast() {
            place = last
            bodies[place] = body
        } else {
            place = bodies.count
            bodies.append(body)
        }
        heap.insert(Entry(time: time, sequence: sequence, place: place))
        sequence += 1
    }

    mutating func popFirst() -> (time: Int64, body: () -> Void)? {
        guard let first = heap.popMin(), let body = bodies[first.place] else { return nil }
        bodies[first.place] = nil
        free.append(first.place)
        return (first.time, body)
    }
}
