/// The progress of a long operation: one line on a terminal, nothing elsewhere.
struct Progress {
    private static let interval = Duration.milliseconds(200)
    private let verb: String
    private var toldAt: ContinuousClock.Instant?

    init(_ verb: String) { self.verb = verb }

    mutating func tell(_ count: Int) {
        guard Console.isStderrTerminal else { return }
        let now = ContinuousClock.now
        if let toldAt, toldAt.duration(to: now) < Self.interval { return }
        toldAt = now
        try? Console.error(Array("\r\u{1b}[K\(verb) \(Self.grouped(count)) tasks".utf8))
    }

    /// Erases the line.
    mutating func end() {
        guard toldAt != nil else { return }
        toldAt = nil
        try? Console.error(Array("\r\u{1b}[K".utf8))
    }

    /// Formats a number as `1,234,567`.
    static func grouped(_ count: Int) -> String {
        let digits = Array(String(count))
        return digits.enumerated().reduce(into: "") { text, digit in
            if digit.offset > 0, (digits.count - digit.offset).isMultiple(of: 3) { text.append(",") }
            text.append(digit.element)
        }
    }
}
