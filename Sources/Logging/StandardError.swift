import Glibc

/// Writes to standard error, where logs go.
package enum StandardError {
    /// Writes synchronously, and blocks on a slow reader: for programs that do nothing else.
    package static func write(_ line: [UInt8]) { write(line, to: STDERR_FILENO) }

    /// Makes one `write(2)` for a line, so that lines of several processes do not mix; the rest of a short write
    /// follows.
    static func write(_ line: [UInt8], to descriptor: Int32) {
        line.withUnsafeBytes { bytes in
            var offset = 0
            while offset < bytes.count, let start = bytes.baseAddress {
                let count = Glibc.write(descriptor, start + offset, bytes.count - offset)
                if count < 0, errno == EINTR { continue }
                // Another process may have made the shared descriptor non-blocking.
                if count < 0, errno == EAGAIN {
                    var readiness = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&readiness, 1, -1)
                    continue
                }
                // The log cannot be written, and there is nowhere to report that.
                guard count > 0 else { return }
                offset += count
            }
        }
    }
}
