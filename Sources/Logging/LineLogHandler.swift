import Logging
import PodlingClock

/// Writes each event as one line. An event cannot break out of its line or send control characters to a terminal.
package struct LineLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let format: LogFormat
    private let write: @Sendable ([UInt8], Logger.Level) -> Void

    /// - Parameter write: takes one line with its LF.
    package init(
        label: String,
        format: LogFormat,
        level: Logger.Level = .info,
        write: @escaping @Sendable ([UInt8], Logger.Level) -> Void
    ) {
        self.label = label
        self.format = format
        self.write = write
        logLevel = level
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let line = LogLine(
            milliseconds: WallClock.milliseconds(),
            level: event.level.rawValue,
            label: label,
            message: event.message.description,
            members: members(of: event)
        )
        write(line.bytes(format), event.level)
    }

    /// The event's metadata sorted by name, so that equal events make equal lines; the most specific source of a name
    /// wins.
    private func members(of event: LogEvent) -> [(String, String)] {
        var all = metadataProvider?.get() ?? [:]
        all.merge(metadata) { $1 }
        if let own = event.metadata { all.merge(own) { $1 } }
        if let error = event.error { all["error"] = .string("\(error)") }
        return all.sorted { $0.key < $1.key }.map { ($0.key, $0.value.description) }
    }
}
