/// What one session is going to do; all of it follows from the seed and the session's number.
struct SessionPlan {
    /// What it sends.
    enum Talk {
        /// Valid lines only, each of which must be answered, in order.
        case clean
        /// Lines of which some are broken.
        case mutated
        /// The same line again and again.
        case flood
        /// Bytes that are no lines.
        case garbage
        case silent
    }

    enum Reading { case all, slow, part, none }

    enum Leaving {
        /// Asks once more, and waits for that answer.
        case answered
        case end
        case reset
        /// Ends its sending side and reads on.
        case halfClosed
    }

    static let linesMax = 64
    private static let floodBytes = 64 * 1024
    private static let floodRoundsMax = 8
    private static let holdMilliseconds = 300

    var talk = Talk.mutated
    var reading = Reading.all
    var leaving = Leaving.answered
    var role = LineMaker.Role.client
    var lines = 0
    /// Of the last line of one that leaves in the middle, nil is all of it.
    var lastLineCut: Int?
    /// Bytes after which a reader of a part stops.
    var readMax = Int.max
    /// Small pieces with pauses between, not all that there is at once.
    var isSplit = false
    /// One in so many lines is broken.
    var mutationRate = 3
    /// After all is sent, where nothing is waited for.
    var holdMilliseconds = 0
    /// The handshake of TLS is left at its beginning.
    var leavesInHandshake = false
    var address: UInt8 = 1

    init(_ random: inout SplitMix64) {
        let draw = random.below(100)
        talk = draw < 25 ? .clean : draw < 94 ? .mutated : draw < 96 ? .flood : draw < 99 ? .garbage : .silent
        role = random.oneIn(3) ? .worker : .client
        lines = 1 + random.below(random.below(Self.linesMax) + Self.linesMax / 2)
        let manner = random.below(20)
        reading = manner < 14 ? .all : manner < 16 ? .slow : manner < 18 ? .part : .none
        let way = random.below(10)
        leaving = way < 5 ? .answered : way < 7 ? .end : way < 9 ? .reset : .halfClosed
        isSplit = random.oneIn(4)
        mutationRate = 1 + random.below(6)
        holdMilliseconds = random.below(random.below(Self.holdMilliseconds) + 1)
        leavesInHandshake = random.oneIn(50)
        address = UInt8(1 + random.below(32))
        let cut = random.below(200)
        if talk == .clean { (reading, leaving) = (.all, .answered) }
        if reading != .all, leaving == .answered { leaving = .reset }
        if talk == .flood {
            lines = 1 + random.below(Self.floodRoundsMax)
            // What it asked for may be gigabytes.
            if leaving == .answered { leaving = .reset }
        }
        if leaving == .end || leaving == .reset { lastLineCut = cut }
        if talk == .silent { lines = 0 }
        if reading == .part { readMax = random.below(64 * 1024) }
    }

    private static let floods: [StaticString] = [
        "{\"op\":\"ping\"}\n", "{\"op\":\"ping\"}\n", "{\"op\":\"list\"}\n",
        "{\"op\":\"list\",\"labels\":{\"a\":\"b\"}}\n",
        "{\"op\":\"list\",\"limit\":1000}\n", "{\"op\":\"get\",\"taskId\":\"nope\"}\n", "{\"op\":\"help\"}\n",
        "{\"op\":\"nodes\"}\n", "{\"op\":\"watch\"}\n{\"op\":\"unsubscribe\",\"sub\":1}\n", "{\"op\":\"heartbeat\"}\n",
        "{\"op\":\"submit_many\",\"tasks\":[{\"name\":\"a\",\"image\":\"b\"},{\"name\":\"a\",\"image\":\"b\",\"x\":1}]}\n",
        "{\"op\":\"submit\",\"name\":\"a\",\"image\":\"b\",\"priority\":1e3}\n", "{}\n", "[1]\n",
        "{\"op\":\"watch\"}\n",
    ]

    /// Some 64 KiB of one line.
    static func flood(_ random: inout SplitMix64) -> [UInt8] {
        let line = random.pick(floods)
        let one = Array(UnsafeBufferPointer(start: line.utf8Start, count: line.utf8CodeUnitCount))
        let count = floodBytes / one.count
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count * one.count)
        for _ in 0..<count { bytes += one }
        return bytes
    }

    /// What other programs say to a port, or nothing that means anything.
    static func garbage(_ random: inout SplitMix64) -> [UInt8] {
        switch random.below(5) {
        case 0: return Array("GET /api/v1/tasks HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
        case 1: return [0x16, 0x03, 0x01, 0x00, 0xC8, 0x01, 0x00, 0x00, 0xC4, 0x03, 0x03]
        case 2: return Array(repeating: UInt8(ascii: " "), count: 1 + random.below(10_000))
        case 3: return Array(repeating: UInt8(ascii: "{"), count: 1 + random.below(20_000))
        default:
            var bytes: [UInt8] = []
            for _ in 0..<1 + random.below(3_000) { bytes.append(UInt8(truncatingIfNeeded: random.next())) }
            return bytes
        }
    }
}
