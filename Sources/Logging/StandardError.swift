#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Where a log goes.
public enum StandardError {
    /// Writes at once, and waits for whoever reads: for programs that do nothing else.
    public static func write(_ line: [UInt8]) { write(line, to: STDERR_FILENO) }

    /// One `write(2)` for a line, so that lines of several processes do not mix; the rest of a short write follows.
    static func write(_ line: [UInt8], to descriptor: Int32) {
        line.withUnsafeBytes { bytes in
            var offset = 0
            while offset < bytes.count, let start = bytes.baseAddress {
                #if canImport(Glibc)
                let count = Glibc.write(descriptor, start + offset, bytes.count - offset)
                #elseif canImport(Musl)
                let count = Musl.write(descriptor, start + offset, bytes.count - offset)
                #else
                let count = Darwin.write(descriptor, start + offset, bytes.count - offset)
                #endif
                if count < 0, errno == EINTR { continue }
                // Another process may have made it so that it does not wait by itself.
                if count < 0, errno == EAGAIN {
                    var readiness = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&readiness, 1, -1)
                    continue
                }
                // There is nowhere left to say that the log cannot be written.
                guard count > 0 else { return }
                offset += count
            }
        }
    }
}
