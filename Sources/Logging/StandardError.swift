#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Where a log goes, and the clock it carries.
public enum StandardError {
    /// One `write(2)` for a line, so that lines of several threads do not mix; the rest of a short write follows.
    @Sendable
    public static func write(_ line: [UInt8]) {
        line.withUnsafeBytes { bytes in
            var offset = 0
            while offset < bytes.count, let start = bytes.baseAddress {
                #if canImport(Glibc)
                let count = Glibc.write(STDERR_FILENO, start + offset, bytes.count - offset)
                #elseif canImport(Musl)
                let count = Musl.write(STDERR_FILENO, start + offset, bytes.count - offset)
                #else
                let count = Darwin.write(STDERR_FILENO, start + offset, bytes.count - offset)
                #endif
                if count < 0, errno == EINTR { continue }
                // There is nowhere left to say that the log cannot be written.
                guard count > 0 else { return }
                offset += count
            }
        }
    }

    /// Milliseconds since 1970, UTC.
    static func nowMilliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
