import PodlingAccess
import PodlingCore
import PodlingProtocol

/// A core with a clock that only moves when told, and the lines each session was sent.
struct CoreHarness: ~Copyable {
    var core: MasterCore
    var now = Tick(wall: 1_767_300_000_000, monotonic: 1_000_000)
    private var effects = Effects()
    private var inboxes: [SessionID: [String]] = [:]
    private(set) var closed: [SessionID] = []
    private(set) var denials: [Denial] = []
    private(set) var turns = 0
    private var asked: [Effects.Query] = []
    /// All bytes ever sent, with their session: what must be the same for the same calls.
    private(set) var transcript: [UInt8] = []

    init(_ change: (inout CoreConfiguration) -> Void = { _ in }) {
        var configuration = CoreConfiguration(
            server: "podling-master/test",
            epoch: "e1",
            firstTaskID: TaskID(number: 1)
        )
        change(&configuration)
        core = MasterCore(configuration: configuration, now: now)
    }

    static func session(_ slot: Int, _ generation: UInt32 = 1) -> SessionID {
        SessionID(slot: slot, generation: generation)
    }

    // MARK: What happens

    mutating func open(_ session: SessionID, peer: String = "", identity: Identity? = nil) {
        core.sessionOpened(session, peer: peer, identity: identity, now: now, into: &effects)
        endTurn()
    }

    mutating func setTokens(_ tokens: TokenTable) {
        core.setTokens(tokens, now: now, into: &effects)
        endTurn()
    }

    mutating func close(_ session: SessionID) {
        core.sessionClosed(session, now: now, into: &effects)
        endTurn()
    }

    /// Sends lines in one turn, and gives what this session was sent since it was last asked.
    @discardableResult
    mutating func send(_ lines: String..., from session: SessionID) -> [String] {
        for line in lines {
            var line = line
            line.withUTF8 { core.lineReceived(UnsafeRawBufferPointer($0), from: session, now: now, into: &effects) }
        }
        endTurn()
        return take(session)
    }

    /// Sends a line in one turn with the tick that follows it.
    mutating func sendAndTick(_ line: String, from session: SessionID) {
        var line = line
        line.withUTF8 { core.lineReceived(UnsafeRawBufferPointer($0), from: session, now: now, into: &effects) }
        now.monotonic += 250
        now.wall += 250
        core.tick(now: now, into: &effects)
        endTurn()
    }

    mutating func backedUp(_ session: SessionID, _ isBackedUp: Bool) {
        core.sessionBackedUp(session, isBackedUp)
        endTurn()
    }

    /// Moves the clock on in steps, as the shell does.
    mutating func advance(milliseconds: Int64) {
        var left = milliseconds
        while left > 0 {
            let step = min(left, 250)
            now.monotonic += step
            now.wall += step
            left -= step
            core.tick(now: now, into: &effects)
            endTurn()
        }
    }

    /// The clock moves on at once, and the core is told.
    /// - Parameter before: what it takes after the stall, before it is told.
    mutating func stall(milliseconds: Int64, _ before: (inout CoreHarness) -> Void = { _ in }) {
        now.monotonic += milliseconds
        now.wall += milliseconds
        before(&self)
        core.wasStalled(milliseconds: milliseconds, now: now)
        core.tick(now: now, into: &effects)
        endTurn()
    }

    mutating func take(_ session: SessionID) -> [String] {
        inboxes.removeValue(forKey: session) ?? []
    }

    /// What the store was asked since this was last called.
    mutating func queries() -> [Effects.Query] {
        defer { asked = [] }
        return asked
    }

    mutating func answer(_ query: Effects.Query, _ page: StorePage?) {
        core.answer(query, page, into: &effects)
        endTurn()
    }

    private mutating func endTurn() {
        repeat {
            turns += 1
            core.endTurn(into: &effects)
            for frame in effects.frames {
                effects.withBytes(of: frame) { bytes in
                    transcript.append(UInt8(truncatingIfNeeded: frame.session.slot))
                    transcript += bytes
                    for line in bytes.split(separator: 0x0A) {
                        inboxes[frame.session, default: []].append(String(decoding: line, as: UTF8.self))
                    }
                }
            }
            closed += effects.closing
            asked += effects.queries
            denials += effects.denials
            effects.removeAll()
        } while core.hasMoreToTell
    }

    // MARK: Short cuts

    /// Opens a worker with its node registered; of what it was sent, what it is assigned is left to be taken.
    mutating func worker(
        _ slot: Int,
        node: String,
        slots: Int = 1,
        extra: String = "",
        instance: String = "i",
        generation: UInt32 = 1
    ) -> SessionID {
        let session = Self.session(slot, generation)
        open(session)
        let lines = send(
            #"{"op":"hello","proto":1,"role":"worker","node":"\#(node)","instance":"\#(instance)"}"#,
            #"{"op":"register","slots":\#(slots),"cpu":4,"memory":1000000000\#(extra)}"#,
            from: session
        )
        inboxes[session] = lines.filter { $0.contains(#""ev":"assign""#) }
        return session
    }

    mutating func client(_ slot: Int = 0) -> SessionID {
        let session = Self.session(slot)
        open(session)
        _ = take(session)
        return session
    }

    /// Submits and gives the task's id.
    mutating func submit(_ members: String = "", from session: SessionID) -> String {
        let lines = send(#"{"op":"submit","name":"a","image":"b"\#(members)}"#, from: session)
        return lines.compactMap { Self.text(of: "taskId", in: $0) }.first ?? ""
    }

    mutating func report(
        _ task: String,
        _ attempt: Int,
        _ status: String,
        _ more: String = "",
        from session: SessionID
    )
        -> [String]
    {
        send(
            #"{"op":"status","id":1,"taskId":"\#(task)","attempt":\#(attempt),"status":"\#(status)"\#(more)}"#,
            from: session
        )
    }

    /// The task as `get` tells it.
    mutating func task(_ id: String) -> String {
        let asker = Self.session(99)
        if !inboxesAsked { open(asker) }
        inboxesAsked = true
        _ = take(asker)
        return send(#"{"op":"get","taskId":"\#(id)"}"#, from: asker).first ?? ""
    }

    private var inboxesAsked = false

    /// The first string or number member of this name, wherever it stands.
    static func text(of name: String, in line: String) -> String? {
        guard let at = line.firstRange(of: "\"\(name)\":")?.upperBound else { return nil }
        return line[at...].first == "\""
            ? String(line[line.index(after: at)...].prefix { $0 != "\"" })
            : String(line[at...].prefix { $0.isNumber || $0 == "-" })
    }
}
