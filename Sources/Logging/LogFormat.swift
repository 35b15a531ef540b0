/// The log format of a program: one line for each event, on standard error.
package enum LogFormat: String, Sendable, CaseIterable {
    /// Human-readable: time, level, message, `name=value`.
    case text
    /// Machine-readable: one JSON object.
    case json
}
