import PodlingCore
import PodlingProtocol

/// One connection around its `SessionFlow`: reads, writes, and applies back-pressure to a peer that does not read.
///
/// Lines are executed from the event loop only, never during a write: a socket that is written to may deliver bytes,
/// report that it is writable, or close, all re-entrantly. Bytes that arrive then are buffered, and the session is
/// queued.
package final class SessionShell: SessionSink {
    let shell: MasterShell
    private let isBehindTLS: Bool
    /// nil before the connection is open, and after its end.
    private(set) var socket: (any SessionSocket)?
    private(set) var id: SessionID?
    var flow: SessionFlow
    private var hasGreeted = false
    /// The turn in which it last sent something.
    private var lastTurn = 0
    package var isQueued = false
    package internal(set) var unreadBytes = 0
    /// Bytes written since `unreadBytes` was last measured.
    var writtenBytes = 0
    /// Whether a mark is set behind the unread output, to report when that is sent.
    var hasMarker = false
    var isBackedUp = false
    /// Bytes of buffered input, as `shell.input` counts them.
    private var inputBytes = 0

    package init(_ shell: MasterShell, isBehindTLS: Bool = false) {
        self.shell = shell
        self.isBehindTLS = isBehindTLS
        flow = SessionFlow(openedAt: shell.host.now.monotonic)
    }

    package var peerName: String { socket?.peerName ?? "" }

    package var credentials: PeerCredentials { socket?.credentials ?? .none }

    // MARK: Opening and closing

    /// The connection is there; `open` begins the session.
    package func connected(_ socket: any SessionSocket) { self.socket = socket }

    package func open() {
        flow = SessionFlow(openedAt: shell.host.now.monotonic)
        if shell.sessionCount >= shell.limits.connectionsMax {
            let message = "\(shell.limits.connectionsMax) connections are the most this master takes"
            refuse(WireError(.overloaded, message, isFatal: true, retryAfterMilliseconds: 1_000))
        } else {
            id = shell.open(self)
        }
    }

    package func disconnected() {
        if let id { shell.closed(id) }
        id = nil
        flow.close()
        shell.unread.change(from: unreadBytes, to: 0)
        unreadBytes = 0
        shell.input.change(from: inputBytes, to: 0)
        inputBytes = 0
        socket = nil
    }

    package var isConnected: Bool { socket != nil }

    /// The peer has closed its sending side.
    package func inputClosed() {
        flow.inputClosed()
        if let id { shell.halfClosed(id) }
    }

    package func closeIfDone() -> HalfClosedSessions.Outcome {
        guard !flow.isClosed else { return .closed }
        // The lines left to process bring a reply, and the session back here.
        guard flow.state == .reading else { return .waitsForFrames }
        guard shell.sentTurnNumber >= lastTurn else { return .waitsForTurn }
        close()
        return .closed
    }

    // MARK: Reading

    /// Whether the socket may be read now; if not, `SessionSocket.read` is called once it may.
    package func mayRead() -> Bool {
        if flow.mayRead(hold) { return true }
        wait()
        return false
    }

    package func received(_ bytes: UnsafeRawBufferPointer) {
        guard let id, !flow.isClosed else { return }
        guard flow.state == .reading, shell.mayExecute else {
            flow.keep(bytes)
            countInput()
            return wait()
        }
        take(bytes, from: id)
        wait()
    }

    package func readComplete() { shell.readComplete() }

    /// Executes buffered lines and new input, within back-pressure and the session's share of work.
    private func take(_ bytes: UnsafeRawBufferPointer?, from id: SessionID) {
        guard flow.begin() else { return }
        let workEnd = shell.workDone &+ MasterShell.sessionWorkMax
        let now = shell.host.now
        var bytes = bytes
        var outcome: SessionFlow.Outcome
        repeat {
            lastTurn = shell.turnNumber
            outcome = execute(bytes, from: id, now: now, workEnd: workEnd)
            bytes = nil
            // Outside the flow: what is sent now may call back at once.
            if shell.isTurnLarge || shell.isLate { shell.endTurn() }
        } while flow.hasMore(after: outcome) && hold == .none && shell.workDone &- workEnd < 0
        guard !flow.isClosed else { return }
        countInput()
        let fault = flow.finish(outcome, shareBytes: shell.input.share, now: now.monotonic)
        if let fault { return refuse(fault) }
        if case .wrongProtocol(let first) = outcome { refuseProtocol(first) }
    }

    private func execute(
        _ bytes: UnsafeRawBufferPointer?,
        from id: SessionID,
        now: Tick,
        workEnd: Int
    ) -> SessionFlow.Outcome {
        flow.execute(bytes) { line in
            let mayContinue = shell.received(line, from: id, now: now) && !shell.isTurnLarge
            if !hasGreeted { hasGreeted = shell.hasGreeted(id) }
            return SessionFlow.LineResult(
                mayContinue: mayContinue && shell.workDone &- workEnd < 0,
                hasGreeted: hasGreeted
            )
        }
    }

    private var hold: SessionFlow.Hold {
        guard socket?.isWritable == true, !isOverShare else { return .peer }
        guard let id else { return .none }
        if shell.isAsking(id) { return .answer }
        return shell.isBehind(id) ? .store : .none
    }

    var isOverShare: Bool { unreadBytes > shell.unread.share }

    private func countInput() {
        shell.input.change(from: inputBytes, to: flow.inputBytes)
        inputBytes = flow.inputBytes
    }

    /// Arranges for `resume` to be called once the reason to wait is over.
    private func wait() {
        guard id != nil, flow.isWaiting else { return }
        switch flow.step(hold) {
        case .none: break
        case .resume: shell.resumeSoon(self)
        case .pause: shell.pause(self)
        }
    }

    package func resume() {
        guard let id else { return }
        guard hold == .none else { return wait() }
        if flow.state == .stopped {
            take(nil, from: id)
            if flow.isInputClosed { shell.halfClosed(id) }
        }
        if let socket, flow.takeWantedRead(hold) { socket.read() } else { wait() }
    }

    private func refuseProtocol(_ first: UInt8) {
        let socket = socket
        refuse(WrongProtocol.error(first: first, isBehindTLS: isBehindTLS))
        if WrongProtocol.isTLS(first: first) { socket?.spokeTLS() }
    }

    // MARK: Deadlines

    package func wasStalled(milliseconds: Int64) { flow.wasStalled(milliseconds: milliseconds) }

    package func sweep(now: Tick) {
        wait()
        let hasShownIdentity = id.map { shell.hasShownIdentity($0) } ?? true
        let fault = flow.overdue(
            shell.limits.deadlines,
            hasShownIdentity: hasShownIdentity,
            hold: hold,
            now: now.monotonic
        )
        if let fault { refuse(fault) }
    }
}
