public import Logging
import NIOConcurrencyHelpers
import PodlingClock

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The log of a program, on standard error.
public enum ProgramLog {
    /// How long the end of the program waits for its last lines to be read.
    private static let flushMilliseconds = 1_000
    private static let writer = NIOLockedValueBox<LogWriter?>(nil)

    /// Makes all loggers of this process write there. Call it once.
    ///
    /// - Parameter label: who speaks where the log has a remark about itself.
    public static func bootstrap(label: String, format: LogFormat, level: Logger.Level) {
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

    /// Waits for what was logged to be written, within a bound. The end of the program does so by itself.
    private static func flush() { writer.withLockedValue { $0 }?.flush(milliseconds: flushMilliseconds) }
}
