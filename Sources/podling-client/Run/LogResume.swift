import PodlingClient

/// Which output to ask for: what a person wanted, and after a lost connection what was not printed yet.
///
/// It counts what was printed of each stream. That says where to go on where all output of the attempt was asked for, or
/// less came than was: then it began at the beginning.
struct LogResume {
    /// The end of the output that may be asked for at most (proto-spec section 9).
    static let tailBytesMax = 1_048_576

    /// What to ask a master for.
    enum Wish: Equatable {
        case from(LogPlace)
        case tail(bytes: Int)
    }

    private let firstTailBytes: Int?
    private var attempt: Int?
    private(set) var printed = LogPlace()
    /// Set where output may be missing or printed twice; for the caller to tell and to clear.
    var isDoubtful = false

    /// - Parameter tailBytes: nil is all of it.
    init(tailBytes: Int?) {
        firstTailBytes = tailBytes
    }

    /// What to ask for now.
    var wish: Wish {
        guard let firstTailBytes else { return .from(printed) }
        guard printedBytes > 0 else { return .tail(bytes: firstTailBytes) }
        return printedBytes < firstTailBytes ? .from(printed) : .tail(bytes: 0)
    }

    var printedBytes: Int { printed.stdoutBytes + printed.stderrBytes }

    /// The subscription was answered.
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
