import Glibc
import Logging
import NIOConcurrencyHelpers
import PodlingClock

/// Sets up the log of a program, on standard error.
package enum ProgramLog {
    /// Time limit for the flush at exit.
    private static let flushMilliseconds = 1_000
    private static let writer = NIOLockedValueBox<LogWriter?>(nil)

    /// Routes all loggers of this process to standard error. Call it once.
    ///
    /// - Parameter label: the logger's label for remarks about the log itself.
    package static func bootstrap(label: String, format: LogFormat, level: Logger.Level) {
        let made = LogWriter(descriptor: STDERR_FILENO) { level, text in
            LogLine(
                milliseconds: WallClock.milliseconds(),
                level: level.rawValue,
                label: label,
                message: text,
                members: []
            ).bytes(format)
        }
        writer.withLockedValue { $0 = made }
        LoggingSystem.bootstrap { LineLogHandler(label: $0, format: format, level: level, write: made.write) }
        atexit { ProgramLog.flush() }
    }

    /// Flushes what was logged, within a bound. It also runs at exit.
    private static func flush() { writer.withLockedValue { $0 }?.flush(milliseconds: flushMilliseconds) }
}
