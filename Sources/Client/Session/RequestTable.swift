/// Who waits for what on one connection: requests by id, subscriptions by number. Pure; the shell does the rest.
struct RequestTable<Waiter, Sink> {
    /// The place of the greeting, which has no id of its own.
    static var greetingId: Int { 0 }

    private var lastId = 0
    private var waiters: [Int: Waiter] = [:]
    private var sinks: [Int: Sink] = [:]
    private(set) var closedBy: (any Error)?
    /// A fault that the master announced before it closes.
    var fatal: PodlingError?
    /// The run of the master, as its answer to `hello` names it.
    var epoch: String?
    /// When to come back to a master that goes down.
    var reconnectMilliseconds: ClosedRange<Int>?

    mutating func nextId() -> Int {
        lastId += 1
        return lastId
    }

    /// - Returns: why nothing may be asked any more, or nil.
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

    /// The connection is over: everyone who waits, and what they are to be told.
    mutating func close(_ error: any Error) -> (waiters: [Waiter], sinks: [Sink], error: any Error) {
        let reason = closedBy ?? fatal ?? error
        closedBy = reason
        defer { (waiters, sinks) = ([:], [:]) }
        return (Array(waiters.values), Array(sinks.values), reason)
    }
}
