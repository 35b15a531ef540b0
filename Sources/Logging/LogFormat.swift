/// How a program writes its log: one line an event, on standard error.
public enum LogFormat: String, Sendable, CaseIterable {
    /// For people: time, level, message, `name=value`.
    case text
    /// For machines: one JSON object.
    case json
}
