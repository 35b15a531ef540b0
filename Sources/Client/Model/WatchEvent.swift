import PodlingProtocol

/// An event of a `watch` subscription (proto-spec section 6.8).
public enum WatchEvent: Sendable {
    /// One transition.
    case task(TaskTransition)
    /// This many transitions were dropped because the reader fell behind.
    case gap(missed: Int, cursor: String?)
    /// The one task that is watched is terminal, and all its transitions were delivered.
    case done(TaskView)

    init?(_ event: JSONValue) throws {
        if event["ev"]?.stringEquals("task") == true {
            self = .task(try TaskTransition(event))
        } else if event["ev"]?.stringEquals("gap") == true {
            self = .gap(missed: event["missed"]?.int() ?? 0, cursor: event["cursor"]?.string())
        } else if event["ev"]?.stringEquals("done") == true, let task = event["task"] {
            self = .done(try TaskView(task))
        } else {
            return nil
        }
    }

    /// The cursor from which a later `watch` continues; nil after `done`.
    public var cursor: String? {
        switch self {
        case .task(let transition): transition.cursor
        case .gap(_, let cursor): cursor
        case .done: nil
        }
    }
}

/// One transition of a task.
public struct TaskTransition: Sendable {
    /// The event's bytes, verbatim.
    public let json: [UInt8]
    /// The place after this transition.
    public let cursor: String?
    /// The task.
    public let taskId: String
    /// Its name; empty for a task that the master has forgotten.
    public let name: String
    /// The number of its latest attempt; 0 before the first.
    public let attempt: Int
    /// The status before; nil for a new task.
    public let from: String?
    /// The status after.
    public let to: String
    /// The node of the attempt.
    public let nodeId: String?
    /// Why the status is as it is (proto-spec section 11).
    public let reason: String?
    /// When it happened, in milliseconds since 1970.
    public let at: Int64?

    init(_ event: JSONValue) throws {
        json = [UInt8](event.raw)
        cursor = event["cursor"]?.string()
        taskId = try event.required("taskId")
        to = try event.required("to")
        name = event["name"]?.string() ?? ""
        attempt = event["attempt"]?.int() ?? 0
        from = event["from"]?.string()
        nodeId = event["nodeId"]?.string()
        reason = event["reason"]?.string()
        at = event["at"]?.timestamp
    }
}
