import Glibc
import PodlingProtocol

/// Nobody reads the output any more.
struct BrokenPipe: Error {}

/// Standard output and standard error, by unbuffered write(2): each call is written at once and in full.
enum Console {
    static let isStdoutTerminal = isatty(STDOUT_FILENO) == 1
    static let isStderrTerminal = isatty(STDERR_FILENO) == 1
    /// Whether to use colours: on a terminal, unless NO_COLOR is set (no-color.org).
    static let hasColours = isStdoutTerminal && (Environment.value("NO_COLOR") ?? "").isEmpty

    /// Ignores SIGPIPE: a write to a closed pipe fails with EPIPE, and does not kill the program.
    static func ignoreBrokenPipeSignal() {
        signal(SIGPIPE, SIG_IGN)
    }

    /// - Throws: `BrokenPipe`.
    static func out(_ text: String) throws {
        try write(Array(text.utf8), to: STDOUT_FILENO)
    }

    /// - Throws: `BrokenPipe`.
    static func out(_ bytes: [UInt8]) throws {
        try write(bytes, to: STDOUT_FILENO)
    }

    /// Writes JSON of tasks and nodes; its texts are untrusted, and are made safe for a terminal.
    /// - Throws: `BrokenPipe`.
    static func out(json: [UInt8]) throws {
        try out(isStdoutTerminal ? TerminalSafeJSON.escaped(json) : json)
    }

    /// - Throws: `BrokenPipe`.
    static func error(_ bytes: [UInt8]) throws {
        try write(bytes, to: STDERR_FILENO)
    }

    /// Writes one human-readable line to standard error; an empty one is skipped.
    static func note(_ message: String) {
        guard !message.isEmpty else { return }
        let line = "podling-client: \(TerminalSafeText.escaped(message))\n"
        try? write(Array(line.utf8), to: STDERR_FILENO)
    }

    /// Exits at once, without cleaning up.
    static func leave(_ status: Int32) -> Never { _exit(status) }

    private static func write(_ bytes: [UInt8], to descriptor: CInt) throws {
        try bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let part = UnsafeRawBufferPointer(rebasing: rest)
                let written = Glibc.write(descriptor, part.baseAddress, part.count)
                if written >= 0 {
                    rest = rest.dropFirst(written)
                } else if errno == EAGAIN {
                    // Someone made the descriptor non-blocking: poll until it is writable.
                    var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    poll(&waiting, 1, -1)
                } else if errno != EINTR {
                    throw BrokenPipe()
                }
            }
        }
    }
}

/// Reads the environment on each call.
enum Environment {
    static func value(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
