import PodlingProtocol

/// What a connection waits for, whatever it is: numbered, bounded, ended with it.
extension MasterCore {
    /// Ended ones that may still stand in the lists of who is told.
    private static let endedSubscriptionsMax = 8_192

    mutating func unsubscribe(_ request: Request, into effects: inout Effects) throws(WireError) {
        let number = try request.root.required("sub").integer("sub", in: Int.min...Int.max)
        effects.replyEmpty(request)
        guard let subscription = sessions[request.session.slot].subscriptions[number] else { return }
        end(subscription, into: &effects)
        forget(number, of: request.session)
    }

    mutating func subscribe(_ id: SessionID, _ subscription: Subscription) throws(WireError) -> Int {
        let slot = id.slot
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
        isOpen(id) ? sessions[id.slot].subscriptions.count : 0
    }

    mutating func forget(_ number: Int, of id: SessionID) {
        guard isOpen(id), sessions[id.slot].subscriptions.removeValue(forKey: number) != nil else { return }
        subscriptionCount -= 1
    }

    /// Ends all that a session waits for.
    mutating func endAll(_ subscriptions: [Int: Subscription], of id: SessionID, into effects: inout Effects) {
        for (_, subscription) in subscriptions.sorted(by: { $0.key < $1.key }) {
            if case .logs(let stream) = subscription { stopStream(stream, into: &effects) }
        }
        subscriptionCount -= subscriptions.count
        endedSubscriptions += subscriptions.count
    }

    /// Ends a subscription whose reader wants no more of it.
    mutating func end(_ subscription: Subscription, into effects: inout Effects) {
        if case .logs(let stream) = subscription { stopStream(stream, into: &effects) }
        endedSubscriptions += 1
    }

    /// Takes those that have ended out of the lists of who is told. They are passed by until then, so that the end of a
    /// connection costs the same however many wait for what it waited for.
    mutating func pruneSubscriptions() {
        guard endedSubscriptions > max(Self.endedSubscriptionsMax, subscriptionCount) else { return }
        endedSubscriptions = 0
        watchers.prune { [sessions] in sessions.isWaiting($0, $1) }
        for slot in Array(waiters.keys) {
            waiters[slot]?.removeAll { !sessions.isWaiting($0.session, $0.number) }
            if waiters[slot]?.isEmpty == true { waiters[slot] = nil }
        }
    }
}
