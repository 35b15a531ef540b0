import PodlingAccess
import PodlingProtocol

@testable import PodlingAgent
@testable import PodlingCore

/// The master's core behind the reading side of its connections: whatever a peer sends, each line that it gets is JSON,
/// the invariants hold, and what was stored can be loaded again.
enum CoreFuzz {
    private static let hello = #"{"op":"hello","proto":1,"role":"client"}"#

    /// The input is all that an unknown peer sends.
    static func runHello(_ bytes: UnsafeRawBufferPointer) {
        var core = FuzzedCore()
        core.receive(bytes, from: FuzzedCore.client)
        core.finish()
    }

    /// The input is all that a client sends after `hello`, while a worker is there and time passes.
    static func runSession(_ bytes: UnsafeRawBufferPointer) {
        var core = FuzzedCore()
        core.addWorker()
        core.receive(hello, from: FuzzedCore.client)
        core.receive(bytes, from: FuzzedCore.client)
        core.pass(milliseconds: 20_000)
        core.finish()
    }

    /// The input is a spec without its braces. What the master takes the worker can read, and the store can load.
    static func runSpec(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.contains(UInt8(ascii: "\n")), !bytes.contains(UInt8(ascii: "\r")) else { return }
        var core = FuzzedCore()
        core.addWorker()
        core.receive(hello, from: FuzzedCore.client)
        core.receive(Array(#"{"op":"submit","#.utf8) + bytes + Array("}\n".utf8), from: FuzzedCore.client)
        core.checkAssignments()
        core.finish()
    }

    /// The input is the array of an `import`.
    static func runImport(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.contains(UInt8(ascii: "\n")), !bytes.contains(UInt8(ascii: "\r")) else { return }
        var core = FuzzedCore()
        core.receive(hello, from: FuzzedCore.client)
        core.receive(Array(#"{"op":"import","tasks":"#.utf8) + bytes + Array("}\n".utf8), from: FuzzedCore.client)
        core.addWorker()
        core.checkAssignments()
        core.pass(milliseconds: 20_000)
        core.finish()
    }
}

/// A core with two connections, whose output is read.
struct FuzzedCore: ~Copyable {
    static let client = SessionID(slot: 0, generation: 1)
    static let worker = SessionID(slot: 1, generation: 1)

    private var core: MasterCore
    private var effects = Effects()
    private var flows = [SessionFlowBox(), SessionFlowBox()]
    private var now = Tick(wall: 1_767_300_000_000, monotonic: 1_000_000)
    private var workerLines: [[UInt8]] = []
    private var rows: [String: TaskRow] = [:]

    init() {
        var configuration = CoreConfiguration(server: "fuzz", epoch: "e1", firstTaskID: TaskID(number: 1))
        configuration.asksStore = false
        core = MasterCore(configuration: configuration, now: now)
        for session in [Self.client, Self.worker] {
            core.sessionOpened(session, peer: "", identity: nil, now: now, into: &effects)
        }
        endTurn()
    }

    mutating func addWorker() {
        receive(#"{"op":"hello","proto":1,"role":"worker","node":"n","instance":"i"}"#, from: Self.worker)
        receive(#"{"op":"register","slots":64,"cpu":64,"memory":1099511627776}"#, from: Self.worker)
    }

    mutating func receive(_ line: String, from session: SessionID) { receive(Array("\(line)\n".utf8), from: session) }

    mutating func receive(_ bytes: [UInt8], from session: SessionID) {
        bytes.withUnsafeBytes { receive($0, from: session) }
    }

    mutating func receive(_ bytes: UnsafeRawBufferPointer, from session: SessionID) {
        let flow = flows[session.slot]
        guard flow.value.begin() else { return }
        var outcome = flow.value.execute(bytes) { execute($0, session) }
        endTurn()
        while flow.value.hasMore(after: outcome) {
            outcome = flow.value.execute { execute($0, session) }
            endTurn()
        }
        if flow.value.finish(outcome, shareBytes: 1 << 20, now: now.monotonic) != nil { flow.value.close() }
    }

    private mutating func execute(_ line: UnsafeRawBufferPointer, _ session: SessionID) -> SessionFlow.LineResult {
        core.lineReceived(line, from: session, now: now, into: &effects)
        return SessionFlow.LineResult(mayContinue: true, hasGreeted: true)
    }

    mutating func pass(milliseconds: Int64) {
        for _ in 0..<milliseconds / 1_000 {
            now.monotonic += 1_000
            now.wall += 1_000
            core.tick(now: now, into: &effects)
            endTurn()
        }
    }

    private mutating func endTurn() {
        repeat {
            core.endTurn(into: &effects)
            for frame in effects.frames {
                let lines = effects.withBytes(of: frame) { Array($0) }
                for line in lines.split(separator: UInt8(ascii: "\n")) { came(Array(line), frame.session) }
            }
            for closed in effects.closing { flows[closed.slot].value.close() }
            effects.removeAll()
        } while core.hasMoreToTell
        for row in core.takeChanges().tasks { store(row) }
    }

    private mutating func store(_ row: TaskRow) {
        var row = row
        if row.spec == nil { row.spec = rows[row.idText]?.spec }
        rows[row.idText] = row
    }

    private mutating func came(_ line: [UInt8], _ session: SessionID) {
        var reader = JSONReader()
        let isJSON = line.withUnsafeBytes { (try? reader.parse($0)) != nil }
        require(isJSON, "no JSON: \(String(decoding: line, as: UTF8.self))")
        if session == Self.worker { workerLines.append(line) }
    }

    /// The worker reads each assignment, and its spec breaks no rule.
    func checkAssignments() {
        var reader = MasterLineReader(nodeId: "n")
        for line in workerLines {
            let text = String(decoding: line, as: UTF8.self)
            do {
                if case .assignRejected(_, let why) = try reader.read(line) { require(false, "\(why): \(text)") }
            } catch {
                require(false, "the worker does not read \(text): \(error)")
            }
        }
    }

    /// Loads what was stored into a core of its own.
    consuming func finish() {
        if let fault = core.checkInvariants() { require(false, fault) }
        let configuration = CoreConfiguration(server: "fuzz", epoch: "e2", firstTaskID: TaskID(number: 1 << 40))
        var second = MasterCore(configuration: configuration, now: now)
        second.standBy(leader: nil)
        for row in rows.values.sorted(by: { $0.idText < $1.idText }) {
            require(second.restore(row), "\(row.idText) is not loaded: \(second.failure(ofRestored: row) ?? "")")
        }
        second.endRestore()
        second.lead(now: now)
        if let fault = second.checkInvariants() { require(false, "after loading: \(fault)") }
    }
}

/// A flow is not copyable, and so no element of an array.
final class SessionFlowBox {
    var value = SessionFlow(openedAt: 1_000_000)
}
