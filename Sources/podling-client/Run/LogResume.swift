import PodlingClient

/// Decides which output to request: the user's choice at first, and after a lost connection what was not printed yet.
///
/// It counts the printed bytes of each stream. That is the position to resume from where all output of the attempt was
/// requested, or less came than was requested: the output then began at the beginning.
struct LogResume {
    /// Most bytes that can be requested from the end of the output (proto-spec section 9).
    static let tailBytesMax = 1_048_576

    /// The output to request from a master.
    enum Wish: Equatable {
        case from(LogPlace)
        case tail(bytes: Int)
    }

    private let firstTailBytes: Int?
    private var attempt: Int?
    private(set) var printed = LogPlace()
    /// Set where output may be missing or printed twice; the caller reports that and clears it.
    var isDoubtful = false

    /// - Parameter tailBytes: nil is all of it.
    init(tailBytes: Int?) {
        firstTailBytes = tailBytes
    }

    /// The output to request now.
    var wish: Wish {
        guard let firstTailBytes else { return .from(printed) }
        guard printedBytes > 0 else { return .tail(bytes: firstTailBytes) }
        return printedBytes < firstTailBytes ? .from(printed) : .tail(bytes: 0)
    }

    var printedBytes: Int { printed.stdoutBytes + printed.stderrBytes }

    /// Notes the reply to the subscription.
    /// - Parameter attempt: 0 where there is none yet.
    mutating func begin(attempt: Int) {
        if attempt == self.attempt, wish == .tail(bytes: 0), printedBytes > 0 { isDoubtful = true }
        if attempt != self.attempt { printed = LogPlace() }
        self.attempt = attempt
        printed.attempt = attempt > 0 ? attempt : nil
    }

    mutating func printed(_ stream: LogStreamName, _ bytes: Int) {
        switch stream {
        case .stdout: printed.stdoutBytes += bytes
        case .stderr: printed.stderrBytes += bytes
        }
    }
}
