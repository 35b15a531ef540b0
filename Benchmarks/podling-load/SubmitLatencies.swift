import LoadSupport

/// Times of one submit in `interval`, from its write to the read of its reply.
struct SubmitLatencies: ~Copyable {
    private static let interval = 10
    /// More than are ever without a reply, divided by the interval.
    private static let slots = 65_536

    private(set) var latencies = Latencies(capacity: 1_000_000)
    private let sentAt = UnsafeMutablePointer<UInt64>.allocate(capacity: slots)

    init() { sentAt.initialize(repeating: 0, count: Self.slots) }

    deinit { sentAt.deallocate() }

    /// - Parameter numbers: of the submits since the start, counted from 0.
    @inline(__always)
    mutating func sent(_ numbers: Range<Int>) {
        let first = (numbers.lowerBound + Self.interval - 1) / Self.interval
        let end = (numbers.upperBound + Self.interval - 1) / Self.interval
        guard first < end else { return }
        let now = nanosecondsNow()
        for place in first..<end { sentAt[place % Self.slots] = now }
    }

    /// - Parameter id: the digits of the reply's id.
    @inline(__always)
    mutating func confirmed(_ id: UnsafeRawPointer) {
        // A round number ends in 0, as `firstID` does.
        guard id.load(fromByteOffset: PodlingLines.submitIDDigits - 1, as: UInt8.self) == UInt8(ascii: "0") else {
            return
        }
        var number = 0
        for digit in 0..<PodlingLines.submitIDDigits {
            number = number &* 10 &+ Int(id.load(fromByteOffset: digit, as: UInt8.self) &- UInt8(ascii: "0"))
        }
        let place = (number - PodlingLines.firstID) / Self.interval
        guard place >= 0 else { return }
        latencies.add(nanosecondsNow() &- sentAt[place % Self.slots])
    }
}
