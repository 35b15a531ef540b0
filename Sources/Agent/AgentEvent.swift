/// What happens to an agent: all that `AgentCore` ever learns.
package enum AgentEvent: Sendable {
    /// The connection that was asked for is open.
    case connected
    /// It could not be made, or is over; whether the next try will end so too, until somebody changes something.
    case disconnected(String, isLasting: Bool = false)
    case message(MasterMessage)
    /// Time has passed.
    case tick
    /// The image is here.
    case prepared(AttemptKey)
    case created(AttemptKey, containerId: String)
    /// Milliseconds since 1970, UTC.
    case started(AttemptKey, atMilliseconds: Int64)
    case exited(AttemptKey, ExitStatus)
    case failed(AttemptKey, EngineStep, RuntimeError)
    /// The engine was asked whether it answers: nil where it does.
    case probed(RuntimeError?)
    /// The container was killed and removed.
    case discarded(AttemptKey)
    /// A stream of output ended, for whatever reason.
    case logsEnded(subscription: Int)
    /// The process is asked to end.
    case shutdown
}

/// The engine calls that an attempt waits for.
package enum EngineStep: String, Sendable, CaseIterable {
    case prepare
    case create
    case start
    case wait
    case stop
}

/// What `AgentCore` wants done. Each engine call is answered by one event.
package enum AgentAction: Sendable, Equatable {
    /// Dial the master with this index.
    case connect(address: Int)
    /// Dial the master at HOST:PORT, which a standby named.
    case connectLeader(String)
    case disconnect(String)
    case send(WorkerRequest)
    case prepare(AttemptKey, image: String, PullPolicy)
    /// The pull is no longer wanted; its result is not waited for.
    case abandonPrepare(AttemptKey)
    case create(ContainerSpec)
    case start(AttemptKey, containerId: String)
    case wait(AttemptKey, containerId: String)
    case stop(AttemptKey, containerId: String, graceSeconds: Int)
    /// Kill and remove, as often as it takes; without an id the container is found by its labels.
    case discard(AttemptKey, containerId: String?)
    /// Remove an ended container that was kept for its output.
    case remove(containerId: String)
    case streamLogs(LogRequestFromMaster, containerId: String)
    case stopLogs(subscription: Int)
    /// Its reader has taken so many bytes since the beginning: more may be sent.
    case grantLogs(subscription: Int, takenBytes: Int)
    /// Ask the engine whether it answers.
    case probe
    case note(AgentNote)
    /// The shutdown is complete: close the connection and end.
    case finish
}

/// Something an operator may want to read.
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
