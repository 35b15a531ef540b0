import PodlingProtocol

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Nobody reads what is written any more.
struct BrokenPipe: Error {}

/// Standard output and standard error, by write(2): each call leaves at once and whole.
enum Console {
    static let isStdoutTerminal = isatty(STDOUT_FILENO) == 1
    static let isStderrTerminal = isatty(STDERR_FILENO) == 1
    /// Colours are for a terminal, unless NO_COLOR says otherwise (no-color.org).
    static let hasColours = isStdoutTerminal && (Environment.value("NO_COLOR") ?? "").isEmpty

    /// A write to a closed pipe is to fail with EPIPE, not to end the program.
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

    /// JSON of tasks and nodes, whose texts come from outside; on a terminal it does no harm.
    /// - Throws: `BrokenPipe`.
    static func out(json: [UInt8]) throws {
        try out(isStdoutTerminal ? TerminalSafeJSON.escaped(json) : json)
    }

    /// - Throws: `BrokenPipe`.
    static func error(_ bytes: [UInt8]) throws {
        try write(bytes, to: STDERR_FILENO)
    }

    /// One line for a person, on standard error; an empty one is not written.
    static func note(_ message: String) {
        guard !message.isEmpty else { return }
        let line = "podling-client: \(TerminalSafeText.escaped(message))\n"
        try? write(Array(line.utf8), to: STDERR_FILENO)
    }

    /// Ends the program as it stands.
    static func leave(_ status: Int32) -> Never { _exit(status) }

    private static func write(_ bytes: [UInt8], to descriptor: CInt) throws {
        try bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let part = UnsafeRawBufferPointer(rebasing: rest)
                #if canImport(Glibc)
                let written = Glibc.write(descriptor, part.baseAddress, part.count)
                #else
                let written = Musl.write(descriptor, part.baseAddress, part.count)
                #endif
                if written >= 0 {
                    rest = rest.dropFirst(written)
                } else if errno == EAGAIN {
                    // Someone made the descriptor non-blocking: wait until it takes more.
                    var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    poll(&waiting, 1, -1)
                } else if errno != EINTR {
                    throw BrokenPipe()
                }
            }
        }
    }
}

/// The environment, read when asked for.
enum Environment {
    static func value(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
