import DequeModule

/// Replies come in the order of the requests, one for each: what a connection still waits for.
struct ReplyOrder {
    private(set) var ids = Deque<Int>()

    var isEmpty: Bool { ids.isEmpty }
    var count: Int { ids.count }

    mutating func asked(_ id: Int) { ids.append(id) }

    /// - Returns: what is wrong with this reply.
    mutating func answered(_ id: Int) -> String? {
        guard let first = ids.first else { return "a reply to \(id), and nothing was asked" }
        guard first == id else { return "a reply to \(id) comes before that to \(first)" }
        ids.removeFirst()
        return nil
    }
}
