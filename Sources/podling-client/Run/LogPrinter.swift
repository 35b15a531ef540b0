import PodlingClient
import PodlingProtocol

/// Writes a task's output: stdout to stdout, stderr to stderr, byte for byte, but made safe where it goes to a
/// terminal.
struct LogPrinter {
    private var filters: [LogStreamName: TerminalSafeStream] = [:]

    init(isRaw: Bool) {
        guard !isRaw else { return }
        if Console.isStdoutTerminal { filters[.stdout] = TerminalSafeStream() }
        if Console.isStderrTerminal { filters[.stderr] = TerminalSafeStream() }
    }

    /// - Throws: `BrokenPipe`.
    mutating func print(_ name: LogStreamName, _ bytes: ArraySlice<UInt8>) throws {
        let text = filters[name]?.append(bytes)
        try Self.write(name, text.map { Array($0.utf8) } ?? Array(bytes))
    }

    /// - Throws: `BrokenPipe`.
    mutating func finish() throws {
        for name in LogStreamName.allCases {
            if let rest = filters[name]?.finish() { try Self.write(name, Array(rest.utf8)) }
        }
    }

    private static func write(_ name: LogStreamName, _ bytes: [UInt8]) throws {
        guard !bytes.isEmpty else { return }
        switch name {
        case .stdout: try Console.out(bytes)
        case .stderr: try Console.error(bytes)
        }
    }
}
