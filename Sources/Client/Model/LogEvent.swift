import FoundationEssentials
import PodlingProtocol

/// What a `logs` subscription brings (proto-spec section 6.9).
public enum LogEvent: Sendable {
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

/// A place in a task's output: so many bytes of each stream lie before it.
public struct LogPlace: Sendable, Equatable {
    /// The attempt whose output it is in, the beginning of any other; nil is whichever comes.
    public var attempt: Int?
    public var stdoutBytes: Int
    public var stderrBytes: Int

    public init(attempt: Int? = nil, stdoutBytes: Int = 0, stderrBytes: Int = 0) {
        self.attempt = attempt
        self.stdoutBytes = stdoutBytes
        self.stderrBytes = stderrBytes
    }
}

/// Which of a task's outputs a chunk is of.
public enum LogStreamName: Sendable, Hashable, CaseIterable {
    case stdout
    case stderr
}

/// How a task's output ended.
public struct LogEnd: Sendable {
    public let attempt: Int
    public let status: String?
    public let exitCode: Int?
    /// Bytes left out because the reader was slow, or because the node keeps them no more.
    public let droppedBytes: Int
    /// More than those is missing.
    public let hasGap: Bool
    /// Why the output could not be had.
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
