import FoundationEssentials
import TestSupport

/// A task's output, and what must arrive of it.
struct OutputCase: Sendable {
    let name: String
    let script: String
    let stdout: [UInt8]
    var stderr: [UInt8] = []

    init(_ name: String, _ script: String, _ stdout: [UInt8], stderr: [UInt8] = []) {
        (self.name, self.script, self.stdout, self.stderr) = (name, script, stdout, stderr)
    }

    /// Numbered lines of a thousand bytes: a gap shows anywhere, and an engine's cost for each line does not dominate
    /// the test's time.
    static func lines(_ name: String, bytes: Int) -> OutputCase {
        let count = bytes / 1_000
        let script = #"awk 'BEGIN{p=sprintf("%991s","");for(i=0;i<\#(count);i++)printf "%08d%s\n",i,p;printf "end"}'"#
        var whole: [UInt8] = []
        whole.reserveCapacity(bytes)
        let padding = [UInt8](repeating: UInt8(ascii: " "), count: 991) + [UInt8(ascii: "\n")]
        for number in 0..<count {
            whole += String(number + 100_000_000).utf8.dropFirst()
            whole += padding
        }
        return OutputCase(name, script, whole + Array("end".utf8))
    }

    static let long = lines("2 MB at once", bytes: 2_000_003)
    static let longer = lines("30 MB at once", bytes: 30_000_003)
    static let longest = lines("200 MB at once", bytes: 200_000_003)

    static let small: [OutputCase] = [
        text("nothing", "true", ""),
        text("one byte", "printf x", "x"),
        text("a last line without its end", "echo hello; printf world", "hello\nworld"),
        text("the same after two seconds", "sleep 2; echo hello; printf world", "hello\nworld"),
        oneLine, binary, bothStreams,
    ]

    private static func text(_ name: String, _ script: String, _ text: String) -> OutputCase {
        OutputCase(name, script, Array(text.utf8))
    }

    private static let oneLine = OutputCase(
        "1 MB in one line",
        #"head -c 1000000 /dev/zero | tr '\0' x"#,
        [UInt8](repeating: UInt8(ascii: "x"), count: 1_000_000)
    )

    private static let binary = OutputCase(
        "binary",
        #"printf '\377\000\200\n\001\033\303'; printf '\251\n\n\376'"#,
        [0xFF, 0, 0x80, 10, 1, 0x1B, 0xC3, 0xA9, 10, 10, 0xFE]
    )

    private static let bothStreams = OutputCase(
        "both streams",
        "i=0; while [ $i -lt 3000 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done",
        numbered("out"),
        stderr: numbered("err")
    )

    private static func numbered(_ word: String) -> [UInt8] {
        var text = ""
        for number in 0..<3_000 { text += "\(word) \(number)\n" }
        return Array(text.utf8)
    }
}

/// The speed of the reader.
enum OutputReader: Sendable, CaseIterable {
    /// Into files.
    case fast
    /// Through a pipe, some megabytes a second.
    case slow
    /// Through a pipe that is not read before the task has ended.
    case stopped
}

/// The output that arrived, and the client's own messages.
struct Received {
    var stdout: [UInt8]
    var stderr: [UInt8]
    var ending: ProgramProcess.Ending?

    /// The lines of the client itself, on standard error.
    var notes: [String] {
        String(decoding: stderr, as: UTF8.self).split(separator: "\n").map(String.init)
            .filter { $0.hasPrefix("podling-client: ") }
    }

    /// Bytes that the client reports as dropped; nil where it reports none.
    var dropped: Int? {
        guard let note = notes.first(where: { $0.contains("bytes of output were left out") }) else { return nil }
        return note.split(separator: " ").compactMap { Int($0) }.first
    }

    /// Why this is not the output that was written; nil if it is, or if exactly what is missing was counted.
    func fault(_ wanted: OutputCase) -> String? {
        let own = notes.joined(separator: "\n")
        guard ending == .exited(0) else { return "ended with \(String(describing: ending)): \(own)" }
        let missing = wanted.stdout.count + wanted.stderr.count - stdout.count - taskStderr.count
        if let dropped { return dropped == missing ? nil : "\(missing) bytes are missing, and it says \(dropped)" }
        if stdout != wanted.stdout { return "\(stdout.count) of \(wanted.stdout.count) bytes of stdout: \(own)" }
        if taskStderr != wanted.stderr { return "\(taskStderr.count) of \(wanted.stderr.count) of stderr: \(own)" }
        return nil
    }

    /// Standard error without the client's own lines.
    private var taskStderr: [UInt8] {
        guard !notes.isEmpty else { return stderr }
        var own: [UInt8] = []
        for line in stderr.split(separator: 10, omittingEmptySubsequences: false) {
            if line.starts(with: Array("podling-client: ".utf8)) { continue }
            own += line + [10]
        }
        return [UInt8](own.dropLast())
    }
}
