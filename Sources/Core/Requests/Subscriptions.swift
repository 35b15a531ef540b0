import PodlingProtocol

/// Subscriptions of a connection, of any kind: they are numbered, bounded, and end with the connection.
extension MasterCore {
    mutating func unsubscribe(_ wanted: UnsubscribeRequest, _ request: Request, into effects: inout Effects) {
        effects.replyEmpty(request)
        guard let subscription = sessions[request.session].subscriptions[wanted.subscription] else { return }
        end(subscription, into: &effects)
        forget(wanted.subscription, of: request.session)
    }

    mutating func subscribe(_ id: SessionID, _ subscription: Subscription) throws(WireError) -> Int {
        let count = sessions[id].subscriptions.count
        guard count < Limits.subscriptionsPerConnectionMax else {
            let message = "\(Limits.subscriptionsPerConnectionMax) subscriptions are the most a connection may have"
            throw WireError(.overloaded, message, retryAfterMilliseconds: 1_000)
        }
        // Each connection may have as many as are free, so that a few cannot take all (compare `SharedBytes` of the
        // shell).
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

    /// The number of a session's subscriptions.
    package func subscriptionCount(of id: SessionID) -> Int {
        sessions.isOpen(id) ? sessions[id].subscriptions.count : 0
    }

    mutating func forget(_ number: Int, of id: SessionID) {
        guard sessions.isOpen(id), sessions[id].subscriptions.removeValue(forKey: number) != nil else { return }
        feed.settled()
    }

    /// Ends all subscriptions of a session.
    mutating func endAll(_ subscriptions: [Int: Subscription], of id: SessionID, into effects: inout Effects) {
        for (_, subscription) in subscriptions.sorted(by: { $0.key < $1.key }) {
            if case .logs(let stream) = subscription { stopStream(stream, into: &effects) }
        }
        feed.connectionEnded(subscriptions: subscriptions.count)
    }

    /// Ends a subscription that its reader cancels.
    mutating func end(_ subscription: Subscription, into effects: inout Effects) {
        if case .logs(let stream) = subscription { stopStream(stream, into: &effects) }
        feed.leftBehind()
    }

    /// Removes the entries of ended subscriptions from the subscriber lists.
    mutating func pruneSubscriptions() { feed.prune { [sessions] in sessions.isWaiting($0, $1) } }
}
