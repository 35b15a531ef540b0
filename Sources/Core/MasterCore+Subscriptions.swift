import PodlingProtocol

/// What a connection waits for, whatever it is: numbered, bounded, ended with it.
extension MasterCore {
    mutating func unsubscribe(_ request: Request, into effects: inout Effects) throws(WireError) {
        let number = try request.root.required("sub").integer("sub", in: Int.min...Int.max)
        effects.replyEmpty(request)
        guard let subscription = sessions[Int(request.session.slot)].subscriptions[number] else { return }
        end(subscription, number: number, of: request.session, into: &effects)
        forget(number, of: request.session)
    }

    mutating func subscribe(_ id: SessionID, _ subscription: Subscription) throws(WireError) -> Int {
        let slot = Int(id.slot)
        let count = sessions[slot].subscriptions.count
        guard count < Limits.subscriptionsPerConnectionMax else {
            let message = "\(Limits.subscriptionsPerConnectionMax) subscriptions are the most a connection may have"
            throw WireError(.overloaded, message, retryAfterMilliseconds: 1_000)
        }
        // Each may have as many as are free: so few cannot take all (see SharedBytes of the shell).
        let free = configuration.subscriptionsMax - subscriptionCount
        guard count < free else {
            let message =
                "this connection has \(count) of the \(configuration.subscriptionsMax) subscriptions that this master "
                + "takes of all, and \(max(0, free)) are free: none may have more than are free"
            throw WireError(.overloaded, message, retryAfterMilliseconds: 1_000)
        }
        let number = sessions[slot].nextSubscription
        sessions[slot].nextSubscription = number + 1
        sessions[slot].subscriptions[number] = subscription
        subscriptionCount += 1
        return number
    }

    /// How much a session waits for.
    public func subscriptionCount(of id: SessionID) -> Int {
        isOpen(id) ? sessions[Int(id.slot)].subscriptions.count : 0
    }

    mutating func forget(_ number: Int, of id: SessionID) {
        guard isOpen(id), sessions[Int(id.slot)].subscriptions.removeValue(forKey: number) != nil else { return }
        subscriptionCount -= 1
    }

    /// Ends all that a session waits for, with one walk over each list that it stands in.
    mutating func endAll(_ subscriptions: [Int: Subscription], of id: SessionID, into effects: inout Effects) {
        var slots: Set<Int32> = []
        var watched: Set<TaskID> = []
        var isWatchingAll = false
        for (_, subscription) in subscriptions.sorted(by: { $0.key < $1.key }) {
            switch subscription {
            case .wait(let slot): slots.insert(slot)
            case .watch(let task?): watched.insert(task)
            case .watch(nil): isWatchingAll = true
            case .logs(let stream): stopStream(stream, into: &effects)
            }
        }
        if isWatchingAll { watchers.remove(id, of: nil) }
        for task in watched { watchers.remove(id, of: task) }
        for slot in slots {
            waiters[slot]?.removeAll { $0.session == id }
            if waiters[slot]?.isEmpty == true { waiters[slot] = nil }
        }
        subscriptionCount -= subscriptions.count
    }

    /// Ends a subscription whose reader wants no more of it.
    mutating func end(_ subscription: Subscription, number: Int, of id: SessionID, into effects: inout Effects) {
        switch subscription {
        case .wait(let slot):
            waiters[slot]?.removeAll { $0.session == id && $0.number == number }
            if waiters[slot]?.isEmpty == true { waiters[slot] = nil }
        case .watch(let task):
            watchers.remove(id, number: number, of: task)
        case .logs(let stream):
            stopStream(stream, into: &effects)
        }
    }
}
