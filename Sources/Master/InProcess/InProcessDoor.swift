import DequeModule
import NIOCore
import PodlingAccess
import PodlingCore
import PodlingProtocol
import PodlingShell
import PodlingTLS

/// The in-process transport of this master.
struct InProcessDoor: MasterDoor {
    let shell: NIOLoopBound<MasterShell>
    let certificateRole: Role?
    let eventLoop: any EventLoop
    let asksForIdentity: Bool
    let gate: DoorGate

    func open(_ peer: DoorPeer) async throws -> any DoorSession {
        let (shell, eventLoop, gate, role) = (shell, eventLoop, gate, certificateRole)
        let opening = try gate.pass {
            eventLoop.submit {
                let sink = DoorSink(shell.value, eventLoop, peer, certificateRole: role)
                try sink.open()
                return InProcessSession(
                    sink: NIOLoopBound(sink, eventLoop: eventLoop),
                    eventLoop: eventLoop,
                    gate: gate
                )
            }
        }
        return try await opening.get()
    }
}

private struct InProcessSession: DoorSession {
    let sink: NIOLoopBound<DoorSink>
    let eventLoop: any EventLoop
    let gate: DoorGate

    func request(_ line: [UInt8]) async throws -> [UInt8] {
        let sink = sink
        return try await gate.pass { eventLoop.flatSubmit { sink.value.request(line) } }.get()
    }

    func close() {
        let sink = sink
        try? gate.pass { eventLoop.execute { sink.value.close() } }
    }
}

/// The master's side of the in-process transport: replies complete their requests' promises, in order; events are
/// dropped.
private final class DoorSink: SessionSink {
    private let shell: MasterShell
    private let eventLoop: any EventLoop
    private let peer: DoorPeer
    let credentials: PeerCredentials
    private var id: SessionID?
    private var waiting = Deque<EventLoopPromise<[UInt8]>>()
    private var lines = Deque<[UInt8]>()
    private var errorLine: [UInt8]?
    var isQueued = false

    init(_ shell: MasterShell, _ eventLoop: any EventLoop, _ peer: DoorPeer, certificateRole: Role?) {
        self.shell = shell
        self.eventLoop = eventLoop
        self.peer = peer
        credentials = peer.certificate.map { PeerCredentials($0, role: certificateRole) } ?? .none
    }

    var peerName: String { peer.name }

    /// - Throws: `DoorClosed` where the master takes no more connections.
    func open() throws {
        guard peer.isProbe || shell.sessionCount < shell.limits.connectionsMax else { throw DoorClosed() }
        id = shell.open(self)
    }

    func request(_ line: [UInt8]) -> EventLoopFuture<[UInt8]> {
        let promise = eventLoop.makePromise(of: [UInt8].self)
        guard let id else {
            promise.fail(DoorClosed(errorLine: errorLine))
            return promise.futureResult
        }
        waiting.append(promise)
        lines.append(line)
        take(id)
        return promise.futureResult
    }

    /// Executes lines until one waits for the store, or the session's share of work is used up.
    private func take(_ id: SessionID) {
        let workEnd = shell.workDone &+ MasterShell.sessionWorkMax
        while shell.mayExecute, !shell.isAsking(id), shell.workDone &- workEnd < 0, let line = lines.popFirst() {
            _ = line.withUnsafeBytes { shell.received($0, from: id, now: shell.host.now) }
            if shell.isTurnLarge || shell.isLate { shell.endTurn() }
        }
        shell.scheduleTurnEnd()
        if !lines.isEmpty, !shell.isAsking(id) { shell.resumeSoon(self) }
    }

    func deliver(_ lines: UnsafeRawBufferPointer) {
        for line in lines.split(separator: 0x0A) where !line.starts(with: "{\"ev\":\"".utf8) || isBadLine(line) {
            guard let promise = waiting.popFirst() else {
                errorLine = [UInt8](line)
                continue
            }
            promise.succeed([UInt8](line))
        }
    }

    /// Whether a line is the `error` event that answers a line without a request in it.
    private func isBadLine(_ line: Slice<UnsafeRawBufferPointer>) -> Bool {
        line.starts(with: "{\"ev\":\"error\"".utf8)
    }

    func flush() {}

    func resume() { if let id { take(id) } }

    var unreadBytes: Int { 0 }

    func closeUnread(_ why: String) { close() }

    func closeIfDone() -> HalfClosedSessions.Outcome { .closed }

    func wasStalled(milliseconds: Int64) {}

    func close() {
        guard let id else { return }
        self.id = nil
        shell.closed(id)
        while let promise = waiting.popFirst() { promise.fail(ChannelError.ioOnClosedChannel) }
    }

    func sweep(now: Tick) {}
}
