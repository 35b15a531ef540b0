/// The pending requests of one connection by id, and its subscriptions by number. Pure: the shell does the I/O.
struct RequestTable<Waiter, Sink> {
    /// The id under which the greeting is awaited, which has none of its own.
    static var greetingId: Int { 0 }

    private var lastId = 0
    private var waiters: [Int: Waiter] = [:]
    private var sinks: [Int: Sink] = [:]
    private(set) var closedBy: (any Error)?
    /// The fatal error that the master sent before it closes.
    var fatal: PodlingError?
    /// The id of the master's run, from its reply to `hello`.
    var epoch: String?
    /// When to reconnect to a master that shuts down.
    var reconnectMilliseconds: ClosedRange<Int>?

    mutating func nextId() -> Int {
        lastId += 1
        return lastId
    }

    /// Adds a pending request.
    /// - Returns: the reason why the connection takes no more requests, or nil.
    mutating func wait(_ id: Int, _ waiter: Waiter) -> (any Error)? {
        if let closedBy { return closedBy }
        waiters[id] = waiter
        return nil
    }

    mutating func takeWaiter(_ id: Int) -> Waiter? { waiters.removeValue(forKey: id) }

    mutating func subscribe(_ subscription: Int, _ sink: Sink) { sinks[subscription] = sink }

    func sink(_ subscription: Int) -> Sink? { sinks[subscription] }

    @discardableResult
    mutating func takeSink(_ subscription: Int) -> Sink? { sinks.removeValue(forKey: subscription) }

    /// Ends the connection: returns everything that is pending, and the error to fail it with.
    mutating func close(_ error: any Error) -> (waiters: [Waiter], sinks: [Sink], error: any Error) {
        let reason = closedBy ?? fatal ?? error
        closedBy = reason
        defer { (waiters, sinks) = ([:], [:]) }
        return (Array(waiters.values), Array(sinks.values), reason)
    }
}
