import Glibc

/// One run's figures: a JSON object on standard output, the same for people on standard error.
public struct Report {
    private var members: [(name: String, value: String)] = []

    public init(mode: String) {
        members.append(("mode", "\"\(mode)\""))
    }

    public mutating func add(_ name: String, _ value: Int) { members.append((name, String(value))) }

    /// Rounded to thousandths.
    public mutating func add(_ name: String, _ value: Double) {
        let rounded = (value * 1_000).rounded() / 1_000
        members.append((name, rounded.isFinite ? "\(rounded)" : "null"))
    }

    public func write() {
        for member in members { Report.say("  \(member.name): \(member.value)") }
        print("{" + members.map { "\"\($0.name)\":\($0.value)" }.joined(separator: ",") + "}")
    }

    public static func say(_ text: String) {
        let line = text + "\n"
        _ = Array(line.utf8).withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
    }
}

/// Times of single answers, in nanoseconds.
public struct Latencies {
    private var samples: [UInt64] = []

    public init(capacity: Int) { samples.reserveCapacity(capacity) }

    public var count: Int { samples.count }

    public mutating func add(_ nanoseconds: UInt64) { samples.append(nanoseconds) }

    /// The smallest sample that `share` of them do not exceed, in microseconds.
    public func percentileMicroseconds(_ share: Double) -> Double {
        guard !samples.isEmpty else { return .nan }
        let index = min(samples.count - 1, Int((Double(samples.count) * share).rounded(.up)) - 1)
        return Double(samples.sorted()[max(0, index)]) / 1_000
    }
}
