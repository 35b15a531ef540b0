import COpenSSL
import Glibc
import LoadSupport
import PodlingProtocol

/// One connection that goes through its plan. What it needs of others comes with each call.
final class FuzzSession {
    enum Step { case goesOn, over }

    private static let sentinel = Array("{\"op\":\"ping\",\"id\":\"last\"}\n".utf8)
    private static let sentinelReply: StaticString = "last"
    private static let pieceBytesMax = 64 * 1024
    private static let smallPieceBytesMax = 40
    private static let slowReadBytesMax = 200
    private static let pauseNanoseconds = 3_000_000
    /// A session that waits for nothing is over by then.
    private static let lifeNanoseconds: UInt64 = 4_000_000_000
    /// In which the last question must be answered.
    static let answerNanoseconds: UInt64 = 20_000_000_000
    /// A line of the master's is not longer: a page, a help line, or a spec.
    private static let lineBytesMax = 4 << 20

    let number: Int
    let plan: SessionPlan
    let descriptor: Int32
    private(set) var tls: OpaquePointer?
    private(set) var isHandshaking: Bool
    private let maker: LineMaker
    private var random: SplitMix64
    /// Of where and when writes and reads are cut: what is sent does not depend on it.
    private var timing: SplitMix64
    private var out: [UInt8] = []
    private var outStart = 0
    /// OpenSSL wants a write that found no room to be tried again with as many bytes.
    private var piece = 0
    private var linesMade = 0
    private var partial: [UInt8] = []
    private var received = 0
    private var assigned: [Assigned] = []
    private var nextReply = 0
    private var hasAskedLast = false
    private var isSent = false
    private let startedAt: UInt64
    private var leavesAt: UInt64 = .max
    private(set) var pausedUntil: UInt64 = 0
    private var readPausedUntil: UInt64 = 0
    /// Bits of epoll that it is registered with.
    var interest: UInt32 = 0

    init(
        number: Int,
        seed: UInt64,
        descriptor: Int32,
        plan: SessionPlan,
        random: SplitMix64,
        tls: OpaquePointer?,
        now: UInt64
    ) {
        self.number = number
        self.plan = plan
        self.descriptor = descriptor
        self.tls = tls
        isHandshaking = tls != nil
        self.random = random
        timing = SplitMix64(seed: seed ^ 0xffff, stream: UInt64(truncatingIfNeeded: number))
        maker = LineMaker(role: plan.role, session: number, &self.random)
        startedAt = now
        if plan.reading == .slow || plan.reading == .none {
            var bytes: Int32 = 4_096
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    deinit {
        if let tls { SSL_free(tls) }
        close(descriptor)
    }

    // MARK: Turns

    func wantsToRead(_ now: UInt64) -> Bool {
        isHandshaking || plan.reading != .none && received < plan.readMax && now >= readPausedUntil
    }

    func wantsToWrite(_ now: UInt64) -> Bool { !isHandshaking && !isSent && now >= pausedUntil }

    /// Looks at the clock.
    func tick(_ now: UInt64) throws -> Step {
        if now >= leavesAt { return .over }
        guard plan.leaving == .answered, isSent else { return now - startedAt > Self.lifeNanoseconds ? .over : .goesOn }
        guard now - startedAt < Self.answerNanoseconds else {
            throw LoadFailure(
                "session \(number) was not answered within \(Self.answerNanoseconds / 1_000_000_000) s: \(plan)"
            )
        }
        return .goesOn
    }

    func handshake() -> Step {
        guard let tls else { return .goesOn }
        ERR_clear_error()
        let code = SSL_connect(tls)
        if code == 1 {
            isHandshaking = false
            return .goesOn
        }
        if plan.leavesInHandshake { return .over }
        let reason = SSL_get_error(tls, code)
        return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE ? .goesOn : .over
    }

    /// Sends a piece.
    func write(_ now: UInt64, _ learned: Learned, _ tally: inout Tally) -> Step {
        fill(learned)
        if out.count - outStart == 0 { return sent(now) }
        if piece == 0 {
            let isSmall = plan.isSplit && !timing.oneIn(4)
            piece = min(out.count - outStart, isSmall ? 1 + timing.below(Self.smallPieceBytesMax) : Self.pieceBytesMax)
            if plan.isSplit, timing.oneIn(3) { pausedUntil = now + UInt64(timing.below(Self.pauseNanoseconds)) }
        }
        let count = out.withUnsafeBytes { bytes -> Int in
            guard let start = bytes.baseAddress.map({ $0 + outStart }) else { return 0 }
            if let tls {
                ERR_clear_error()
                let count = SSL_write(tls, start, Int32(piece))
                if count > 0 { return Int(count) }
                let reason = SSL_get_error(tls, count)
                return reason == SSL_ERROR_WANT_WRITE || reason == SSL_ERROR_WANT_READ ? 0 : -1
            }
            let count = send(descriptor, start, piece, Int32(MSG_NOSIGNAL))
            return count < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : count
        }
        guard count >= 0 else {
            tally.ended += 1
            return .over
        }
        guard count > 0 else {
            // One that does not read has come as far as it can.
            if plan.reading != .all, leavesAt == .max { leavesAt = now + UInt64(plan.holdMilliseconds) * 1_000_000 }
            return .goesOn
        }
        tally.lines += out[outStart..<outStart + count].count { $0 == 0x0A }
        (piece, outStart) = (0, outStart + count)
        tally.sentBytes += count
        return .goesOn
    }

    /// Makes lines while there is little to send.
    private func fill(_ learned: Learned) {
        guard outStart == out.count else { return }
        out.removeAll(keepingCapacity: true)
        outStart = 0
        while linesMade < plan.lines, out.count < 4_096 {
            let start = out.count
            switch plan.talk {
            case .flood:
                out += SessionPlan.flood(&random)
            case .garbage: out += SessionPlan.garbage(&random)
            case .clean, .mutated:
                var line = maker.line(id: linesMade, &random, learned, assigned)
                line.append(0x0A)
                if plan.talk == .mutated, random.oneIn(plan.mutationRate) { Mutator.mutate(&line, &random) }
                out += line
            case .silent: break
            }
            linesMade += 1
            if linesMade == plan.lines, let cut = plan.lastLineCut { out.removeLast(min(out.count - start, cut)) }
        }
        guard linesMade == plan.lines, plan.leaving == .answered, !hasAskedLast else {
            return
        }
        hasAskedLast = true
        // What was left unfinished ends here.
        out.append(0x0A)
        out += Self.sentinel
    }

    /// All was sent.
    private func sent(_ now: UInt64) -> Step {
        isSent = true
        if plan.leaving == .halfClosed {
            if let tls { SSL_shutdown(tls) }
            shutdown(descriptor, Int32(SHUT_WR))
        }
        if plan.leaving != .answered, leavesAt == .max { leavesAt = now + UInt64(plan.holdMilliseconds) * 1_000_000 }
        return .goesOn
    }

    /// Leaves as planned; the descriptor is closed with the object.
    func leave() {
        guard plan.leaving == .reset || plan.talk == .flood else { return }
        var setting = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &setting, socklen_t(MemoryLayout<linger>.size))
    }

    // MARK: Reading

    func read(
        _ buffer: UnsafeMutableRawBufferPointer,
        _ now: UInt64,
        _ reader: inout ReplyReader,
        _ learned: inout Learned,
        _ tally: inout Tally
    ) throws -> Step {
        var room = min(buffer.count, plan.readMax - received)
        if plan.reading == .slow {
            room = min(room, 1 + timing.below(Self.slowReadBytesMax))
            readPausedUntil = now + UInt64(timing.below(Self.pauseNanoseconds))
        }
        let count = receive(buffer.baseAddress, room)
        guard count != 0 else { return .goesOn }
        guard count > 0 else {
            tally.ended += 1
            return try ended()
        }
        received += count
        tally.receivedBytes += count
        partial.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        return try lines(&reader, &learned, &tally)
    }

    /// Bytes, 0 for none now, -1 for the end.
    private func receive(_ start: UnsafeMutableRawPointer?, _ room: Int) -> Int {
        if let tls {
            ERR_clear_error()
            let count = SSL_read(tls, start, Int32(clamping: room))
            if count > 0 { return Int(count) }
            let reason = SSL_get_error(tls, count)
            return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE ? 0 : -1
        }
        let count = recv(descriptor, start, room, 0)
        return count > 0 ? count : count < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1
    }

    /// Whether OpenSSL has read more than was asked for: epoll does not know of that.
    var hasMore: Bool { tls.map { !isHandshaking && SSL_pending($0) > 0 } ?? false }

    private func ended() throws -> Step {
        guard plan.talk == .clean, plan.role == .client, !isHandshaking else { return .over }
        throw LoadFailure("session \(number) sent valid lines only, and the master ended it before answer \(nextReply)")
    }

    private func lines(
        _ reader: inout ReplyReader,
        _ learned: inout Learned,
        _ tally: inout Tally
    ) throws -> Step {
        var start = 0
        while let feed = partial[start...].firstIndex(of: 0x0A) {
            let reply = try partial.withUnsafeBytes { bytes in
                try reader.read(UnsafeRawBufferPointer(rebasing: bytes[start..<feed]), &learned, &tally)
            }
            start = feed + 1
            if let attempt = reply.assigned {
                assigned.append(attempt)
                if assigned.count > 16 { assigned.removeFirst() }
            }
            if reply.isLast {
                tally.answered += 1
                return .over
            }
            if plan.talk == .clean, plan.role == .client, reply.isReply {
                guard reply.number == nextReply else {
                    throw LoadFailure("session \(number): answer \(reply.number ?? -1) came instead of \(nextReply)")
                }
                nextReply += 1
            }
        }
        partial.removeSubrange(..<start)
        guard partial.count <= Self.lineBytesMax else {
            throw LoadFailure("a line over \(Self.lineBytesMax) bytes came")
        }
        return .goesOn
    }
}
