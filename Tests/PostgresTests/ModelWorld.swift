import PodlingProtocol

@testable import PodlingCore

/// A core with a clock that the test moves, and the lines that each session was sent.
struct ModelWorld: ~Copyable {
    static let leaseMilliseconds: Int64 = 15_000
    static let rejectHoldMilliseconds: Int64 = 1_000

    private(set) var core: MasterCore
    private(set) var now: Tick
    private var effects = Effects()
    private var sent: [SessionID: [String]] = [:]
    private(set) var open: Set<SessionID> = []

    /// - Parameter now: about what the database's clock says, by which it knows what ended long ago.
    init(now: Tick) {
        self.now = now
        core = MasterCore(
            configuration: CoreConfiguration(server: "model", epoch: "e1", firstTaskID: TaskID(number: 1)),
            now: now
        )
    }

    /// Creates a world that begins with what a store kept.
    init(now: Tick, kept: [StoreBatch]) {
        self.init(now: now)
        core.standBy(leader: nil)
        for piece in kept {
            for row in piece.nodes { core.restoreNode(row) }
            for row in piece.tasks { core.restore(row) }
        }
        core.endRestore()
        core.lead(now: now)
        endTurn()
    }

    /// Calls `lead`, as after a restart.
    mutating func leadAgain() { core.lead(now: now) }

    mutating func connect(_ session: SessionID) {
        core.sessionOpened(session, now: now, into: &effects)
        open.insert(session)
        endTurn()
    }

    mutating func disconnect(_ session: SessionID) {
        guard open.remove(session) != nil else { return }
        core.sessionClosed(session, now: now, into: &effects)
        endTurn()
    }

    mutating func disconnectAll() {
        for session in open.sorted(by: { $0.slot < $1.slot }) { disconnect(session) }
        sent = [:]
    }

    mutating func send(_ line: String, from session: SessionID) {
        var line = line
        line.withUTF8 { core.lineReceived(UnsafeRawBufferPointer($0), from: session, now: now, into: &effects) }
        endTurn()
    }

    mutating func advance(milliseconds: Int64) {
        now.monotonic += milliseconds
        now.wall += milliseconds
        core.tick(now: now, into: &effects)
        endTurn()
    }

    /// What was sent since this was last called; by slot, so that histories compare.
    mutating func take() -> [Int: [String]] {
        defer { sent = [:] }
        return Dictionary(uniqueKeysWithValues: sent.map { ($0.key.slot, $0.value) })
    }

    var hasChanges: Bool { core.hasChanges }

    mutating func takeChanges() -> StoreBatch { core.takeChanges() }

    /// All tasks, as a store would keep them.
    func rows() -> [TaskRow] {
        (0..<core.tasks.table.order.count).compactMap { index in
            guard let slot = core.tasks.table.order.slot(at: index) else { return nil }
            var row = core.row(slot)
            row.spec = core.tasks[slot].spec
            return row
        }
    }

    private mutating func endTurn() {
        repeat {
            core.endTurn(into: &effects)
            for frame in effects.frames {
                effects.withBytes(of: frame) { bytes in
                    for line in bytes.split(separator: 0x0A) {
                        sent[frame.session, default: []].append(String(decoding: line, as: UTF8.self))
                    }
                }
            }
            for session in effects.closing where open.contains(session) {
                open.remove(session)
                core.sessionClosed(session, now: now, into: &effects)
            }
            effects.removeAll()
        } while core.hasMoreToTell
    }
}
