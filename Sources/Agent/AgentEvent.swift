/// The events of an agent: the only input of `AgentCore`.
package enum AgentEvent: Sendable {
    /// The requested connection is open.
    case connected
    /// The connection failed or ended; `isLasting` where retries fail too, until somebody changes something.
    case disconnected(String, isLasting: Bool = false)
    case message(MasterMessage)
    case tick
    /// The image is available locally.
    case prepared(AttemptKey)
    case created(AttemptKey, containerId: String)
    /// Milliseconds since 1970, UTC.
    case started(AttemptKey, atMilliseconds: Int64)
    case exited(AttemptKey, ExitStatus)
    case failed(AttemptKey, EngineStep, RuntimeError)
    /// The result of a probe of the engine: nil where it answers.
    case probed(RuntimeError?)
    /// The container was killed and removed.
    case discarded(AttemptKey)
    /// A stream of output ended, for any reason.
    case logsEnded(subscription: Int)
    /// The process is asked to shut down.
    case shutdown
}

/// The engine calls of an attempt, in order.
package enum EngineStep: String, Sendable, CaseIterable {
    case prepare
    case create
    case start
    case wait
    case stop
}

/// The actions that `AgentCore` requests. Each engine call is answered by one event.
package enum AgentAction: Sendable, Equatable {
    /// Connect to the master with this index.
    case connect(address: Int)
    /// Connect to the master at HOST:PORT, which a standby named.
    case connectLeader(String)
    case disconnect(String)
    case send(WorkerRequest)
    case prepare(AttemptKey, image: String, PullPolicy)
    /// Abandon the pull; its result is not awaited.
    case abandonPrepare(AttemptKey)
    case create(ContainerSpec)
    case start(AttemptKey, containerId: String)
    case wait(AttemptKey, containerId: String)
    case stop(AttemptKey, containerId: String, graceSeconds: Int)
    /// Kill and remove, with retries until it succeeds; without an id the container is found by its labels.
    case discard(AttemptKey, containerId: String?)
    /// Remove an ended container that was kept for its output.
    case remove(containerId: String)
    case streamLogs(LogRequestFromMaster, containerId: String)
    case stopLogs(subscription: Int)
    /// Extend the flow-control window: the reader has taken this many bytes since the beginning.
    case grantLogs(subscription: Int, takenBytes: Int)
    /// Probe whether the engine answers.
    case probe
    case note(AgentNote)
    /// The shutdown is complete: close the connection and end the process.
    case finish
}

/// A log message for the operator.
package struct AgentNote: Sendable, Equatable {
    package enum Level: Sendable {
        case debug
        case info
        case warning
    }

    package var level: Level
    package var text: String
    package var key: AttemptKey?
}
