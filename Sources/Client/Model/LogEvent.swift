import FoundationEssentials
import PodlingProtocol

/// An event of a `logs` subscription (proto-spec section 6.9).
public enum LogEvent: Sendable {
    /// Bytes of one stream, at most 32 KiB, which may be cut within a character. Empty where more is to come but is
    /// delayed.
    case output(LogStreamName, [UInt8])
    /// The last event.
    case end(LogEnd)

    init?(_ event: JSONValue) throws {
        if event["ev"]?.stringEquals("log") == true {
            let isError = event["stream"]?.stringEquals("stderr") == true
            self = .output(isError ? .stderr : .stdout, try Self.bytes(event))
        } else if event["ev"]?.stringEquals("log_end") == true {
            self = .end(LogEnd(event))
        } else {
            return nil
        }
    }

    private static func bytes(_ event: JSONValue) throws -> [UInt8] {
        if let text = event["text"] { return text.withUTF8 { [UInt8]($0) } }
        guard let text = event["b64"]?.string(), let data = Data(base64Encoded: text) else {
            throw ClientError.badReply("a log event without text")
        }
        return [UInt8](data)
    }
}

/// A position in a task's output: the count of bytes of each stream before it.
public struct LogPlace: Sendable, Equatable {
    /// The attempt whose output it refers to; in that of any other it means the beginning. nil is the first attempt
    /// that comes.
    public var attempt: Int?
    /// Bytes of stdout to leave out.
    public var stdoutBytes: Int
    /// Bytes of stderr to leave out.
    public var stderrBytes: Int

    /// The beginning of the output, where nothing is given.
    public init(attempt: Int? = nil, stdoutBytes: Int = 0, stderrBytes: Int = 0) {
        self.attempt = attempt
        self.stdoutBytes = stdoutBytes
        self.stderrBytes = stderrBytes
    }
}

/// The output stream that a chunk belongs to.
public enum LogStreamName: Sendable, Hashable, CaseIterable {
    /// Standard output.
    case stdout
    /// Standard error.
    case stderr
}

/// The end of a task's output.
public struct LogEnd: Sendable {
    /// The attempt whose output this was; 0 where the task never ran.
    public let attempt: Int
    /// The status of the task then.
    public let status: String?
    /// The exit code of the attempt, where it has ended.
    public let exitCode: Int?
    /// Bytes dropped because the reader was slow, or because the node keeps them no longer.
    public let droppedBytes: Int
    /// Whether more than those is missing.
    public let hasGap: Bool
    /// The reason why the output is not available.
    public let error: PodlingError?

    init(_ event: JSONValue) {
        attempt = event["attempt"]?.int() ?? 0
        status = event["status"]?.string()
        exitCode = event["exitCode"]?.int()
        droppedBytes = event["dropped"]?.int() ?? 0
        hasGap = event["gap"]?.bool() ?? false
        error = event["err"].map { PodlingError($0) }
    }
}
