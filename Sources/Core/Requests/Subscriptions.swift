import PodlingProtocol

/// What a connection waits for, whatever it is: numbered, bounded, ended with it.
extension MasterCore {
    mutating func unsubscribe(_ request: Request, into effects: inout Effects) throws(WireError) {
        let number = try request.root.required("sub").integer("sub", in: Int.min...Int.max)
        effects.replyEmpty(request)
        guard let subscription = sessions[request.session].subscriptions[number] else { return }
        end(subscription, into: &effects)
        forget(number, of: request.session)
    }

    mutating func subscribe(_ id: SessionID, _ subscription: Subscription) throws(WireError) -> Int {
        let count = sessions[id].subscriptions.count
        guard count < Limits.subscriptionsPerConnectionMax else {
            let message = "\(Limits.subscriptionsPerConnectionMax) subscriptions are the most a connection may have"
            throw WireError(.overloaded, message, retryAfterMilliseconds: 1_000)
        }
        // Each may have as many as are free: so few cannot take all (see SharedBytes of the shell).
        let free = configuration.subscriptionsMax - feed.subscriptionCount
        guard count < free else {
            let message =
                "this connection has \(count) of the \(configuration.subscriptionsMax) subscriptions that this master "
                + "takes of all, and \(max(0, free)) are free: none may have more than are free"
            throw WireError(.overloaded, message, retryAfterMilliseconds: 1_000)
        }
        let number = sessions[id].nextSubscription
        sessions[id].nextSubscription = number + 1
        sessions[id].subscriptions[number] = subscription
        feed.subscribed()
        return number
    }

    /// How much a session waits for.
    public func subscriptionCount(of id: SessionID) -> Int {
        sessions.isOpen(id) ? sessions[id].subscriptions.count : 0
    }

    mutating func forget(_ number: Int, of id: SessionID) {
        guard sessions.isOpen(id), sessions[id].subscriptions.removeValue(forKey: number) != nil else { return }
        feed.settled()
    }

    /// Ends all that a session waits for.
    mutating func endAll(_ subscriptions: [Int: Subscription], of id: SessionID, into effects: inout Effects) {
        for (_, subscription) in subscriptions.sorted(by: { $0.key < $1.key }) {
            if case .logs(let stream) = subscription { stopStream(stream, into: &effects) }
        }
        feed.connectionEnded(subscriptions: subscriptions.count)
    }

    /// Ends a subscription whose reader wants no more of it.
    mutating func end(_ subscription: Subscription, into effects: inout Effects) {
        if case .logs(let stream) = subscription { stopStream(stream, into: &effects) }
        feed.leftBehind()
    }

    /// Takes what has ended out of the lists of who is told.
    mutating func pruneSubscriptions() { feed.prune { [sessions] in sessions.isWaiting($0, $1) } }
}
