import OrderedCollections

/// Output that the master requests: waits for the container where there is none yet, then starts a stream.
extension AgentCore {
    mutating func logsWanted(_ request: LogRequestFromMaster) {
        guard subscriptions[request.subscription] == nil else { return }
        guard subscriptions.count < AgentLimits.logStreamsMax else {
            return endLogs(request.subscription, "this worker already serves \(AgentLimits.logStreamsMax) readers")
        }
        let record = attempts[request.key]
        let hasStarted = record.map { $0.isRunning || !$0.isLive } ?? true
        if hasStarted, let containerId = record?.containerId ?? finished[request.key]?.containerId {
            subscriptions[request.subscription] = .streaming(request.key)
            actions.append(.streamLogs(request, containerId: containerId))
        } else if record?.isLive == true {
            if request.follows {
                // The request came before any output was written: it gets all of it.
                var request = request
                request.from = request.from ?? LogPosition()
                subscriptions[request.subscription] = .waiting(request)
            } else {
                endLogs(request.subscription, nil)
            }
        } else {
            endLogs(request.subscription, "the output of this attempt is not kept here")
        }
    }

    mutating func logsUnwanted(_ subscription: Int) {
        guard case .streaming? = subscriptions.removeValue(forKey: subscription) else { return }
        actions.append(.stopLogs(subscription: subscription))
    }

    mutating func logsTaken(_ subscription: Int, _ bytes: Int) {
        guard case .streaming? = subscriptions[subscription] else { return }
        actions.append(.grantLogs(subscription: subscription, takenBytes: bytes))
    }

    mutating func serveWaitingLogs(_ key: AttemptKey, _ containerId: String) {
        for case (let subscription, .waiting(let request)) in subscriptions where request.key == key {
            subscriptions[subscription] = .streaming(key)
            actions.append(.streamLogs(request, containerId: containerId))
        }
    }

    mutating func endWaitingLogs(_ key: AttemptKey) {
        for case (let subscription, .waiting(let request)) in subscriptions where request.key == key {
            subscriptions[subscription] = nil
            endLogs(subscription, nil)
        }
    }

    /// Subscriptions end with their connection.
    mutating func stopAllLogs() {
        for case (let subscription, .streaming) in subscriptions {
            actions.append(.stopLogs(subscription: subscription))
        }
        subscriptions.removeAll()
    }

    private mutating func endLogs(_ subscription: Int, _ error: String?) {
        actions.append(.send(WorkerRequest(id: nil, .logEnd(subscription: subscription, LogEndReport(error: error)))))
    }
}
