import CEpoll
import COpenSSL
import Glibc
import LoadSupport

/// Keeps sessions open until there were enough of them, and looks at the master and its healthy peers meanwhile.
final class Fuzzer {
    private static let eventsMax = 256
    private static let tickMilliseconds: Int32 = 1
    private static let looksPerSecond = 4.0
    private static let progressSeconds = 10.0
    private static let readBytes = 64 * 1024
    /// Tasks that wait: above this no session begins until the healthy client has cancelled some.
    private static let pendingMax = 20_000
    /// Without a session that ended for so long, something stands still.
    private static let stallSeconds = 60.0
    private static let connectRetrySeconds = 5.0

    private let options: FuzzOptions
    private let client: TLSClient?
    private let server: ServerStatistics
    private let healthy: HealthyPeers
    private let epoll: Int32
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: readBytes, alignment: 64)
    private var events = [epoll_event](repeating: epoll_event(), count: eventsMax)
    private var sessions: [FuzzSession?] = []
    private var free: [Int] = []
    private var open = 0
    private var next: Int
    private var reader = ReplyReader()
    private var learned = Learned()
    private var tally = Tally()
    private var residentPeak = 0
    private let startedAt = nanosecondsNow()
    private var endedAt = nanosecondsNow()
    private var lookedAt: UInt64 = 0
    private var saidAt = nanosecondsNow()

    init(_ options: FuzzOptions) throws {
        self.options = options
        client = options.tlsRootFile.isEmpty ? nil : try TLSClient(rootFile: options.tlsRootFile)
        server = try ServerStatistics(processID: options.serverPID, port: try Socket.port(of: options.address))
        healthy = HealthyPeers(address: options.address, tlsRootFile: options.tlsRootFile)
        next = options.first
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw Socket.failure("epoll_create1") }
        sessions = Array(repeating: nil, count: options.atOnce)
        free = Array((0..<options.atOnce).reversed())
    }

    deinit {
        close(epoll)
        buffer.deallocate()
    }

    /// - Returns: whether all held.
    func run() -> Bool {
        Report.say("podling-fuzz: seed \(options.seed), master \(server.processID) at \(options.address)")
        do {
            try healthy.start()
            while !isEnough { try turn(mayOpen: true) }
            while open > 0 { try turn(mayOpen: false) }
            try look(nanosecondsNow(), isAtEnd: true)
            try healthy.end()
            say("passed")
            return true
        } catch {
            // A master that has just died is told by its connections first.
            let isGone = !server.isRunning(withinMilliseconds: 2_000)
            Report.say("podling-fuzz: FAILED: \(error)\(isGone ? "; the master is gone" : "")")
            let first = sessions.compactMap { $0?.number }.min() ?? options.first
            Report.say("podling-fuzz: sessions \(first) to \(next - 1) were open, or had just ended; again by:")
            Report.say("  \(options.command(first: max(options.first, first - 8), count: next - first + 8))")
            say("FAILED")
            return false
        }
    }

    private var isEnough: Bool {
        tally.connections >= options.connections && tally.lines >= options.lines
            && Double(nanosecondsNow() - startedAt) / 1e9 >= options.seconds
    }

    private func turn(mayOpen: Bool) throws {
        if mayOpen, healthy.pendingTasks < Self.pendingMax {
            while let slot = free.popLast() { try begin(slot) }
        }
        let ready = epoll_wait(epoll, &events, Int32(Self.eventsMax), Self.tickMilliseconds)
        guard ready >= 0 || errno == EINTR else { throw Socket.failure("epoll_wait") }
        let now = nanosecondsNow()
        for index in 0..<max(0, Int(ready)) {
            let slot = Int(events[index].data.u64)
            guard let session = sessions[slot] else { continue }
            if try serve(session, events[index].events, now) == .over { end(slot, session) }
        }
        for slot in sessions.indices {
            guard let session = sessions[slot] else { continue }
            if try session.tick(now) == .over { end(slot, session) } else { try register(session, slot, now) }
        }
        if now - lookedAt > nanoseconds(1 / Self.looksPerSecond) { try look(now, isAtEnd: false) }
        guard nanosecondsNow() - endedAt < nanoseconds(Self.stallSeconds) else {
            throw LoadFailure("no session ended for \(Self.stallSeconds) s")
        }
    }

    // MARK: Sessions

    private func begin(_ slot: Int) throws {
        var random = SplitMix64(seed: options.seed, stream: UInt64(next))
        let plan = SessionPlan(&random)
        let descriptor = try Socket.connectFrom(plan.address, to: options.address, seconds: Self.connectRetrySeconds)
        let tls = plan.talk == .garbage ? nil : try client?.session(descriptor)
        let now = nanosecondsNow()
        let session = FuzzSession(
            number: next,
            seed: options.seed,
            descriptor: descriptor,
            plan: plan,
            random: random,
            tls: tls,
            now: now
        )
        next += 1
        open += 1
        tally.connections += 1
        sessions[slot] = session
        var event = epoll_event()
        event.data.u64 = UInt64(slot)
        guard epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 else { throw Socket.failure("epoll_ctl") }
        if tls != nil, session.handshake() == .over { return end(slot, session) }
        try register(session, slot, now)
    }

    private func serve(
        _ session: FuzzSession,
        _ bits: UInt32,
        _ now: UInt64
    ) throws -> FuzzSession.Step {
        if session.isHandshaking {
            if session.handshake() == .over { return .over }
            guard !session.isHandshaking else { return .goesOn }
        }
        if session.wantsToRead(now), bits & ~EpollBits.out > 0 {
            repeat {
                if try session.read(buffer, now, &reader, &learned, &tally) == .over { return .over }
            } while session.hasMore && session.wantsToRead(now)
        } else if bits & (EpollBits.error | EpollBits.hangUp) > 0 {
            tally.ended += 1
            return .over
        }
        if session.wantsToWrite(now), bits & EpollBits.out > 0 { return session.write(now, learned, &tally) }
        return .goesOn
    }

    private func register(_ session: FuzzSession, _ slot: Int, _ now: UInt64) throws {
        let wanted =
            (session.wantsToRead(now) ? EpollBits.in : 0)
            | (session.wantsToWrite(now) ? EpollBits.out : 0)
        guard wanted != session.interest else { return }
        session.interest = wanted
        var event = epoll_event()
        event.events = wanted
        event.data.u64 = UInt64(slot)
        guard epoll_ctl(epoll, EPOLL_CTL_MOD, session.descriptor, &event) == 0 else {
            throw Socket.failure("epoll_ctl")
        }
    }

    private func end(_ slot: Int, _ session: FuzzSession) {
        session.leave()
        sessions[slot] = nil
        free.append(slot)
        open -= 1
        endedAt = nanosecondsNow()
    }

    // MARK: The master

    private func look(_ now: UInt64, isAtEnd: Bool) throws {
        lookedAt = now
        guard server.isRunning(withinMilliseconds: 0) else { throw LoadFailure("the master ended") }
        let resident = server.residentBytes()
        residentPeak = max(residentPeak, resident)
        guard resident <= options.residentMax << 20 else {
            throw LoadFailure("the master has \(resident >> 20) MiB of memory, more than \(options.residentMax)")
        }
        try healthy.check()
        guard !isAtEnd, now - saidAt > nanoseconds(Self.progressSeconds) else { return }
        saidAt = now
        say("\(Int((now - startedAt) / 1_000_000_000)) s")
    }

    private func say(_ what: String) {
        let seconds = Double(nanosecondsNow() - startedAt) / 1e9
        Report.say(
            "podling-fuzz: \(what): seed=\(options.seed) seconds=\(Int(seconds)) \(tally.text) "
                + "resident-peak=\(residentPeak >> 20)MiB \(healthy.text)"
        )
    }
}
