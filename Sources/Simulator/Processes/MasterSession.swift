import PodlingCore
import PodlingProtocol

/// One connection of a master around its `SessionFlow`: the counterpart of the channel's handler.
final class MasterSession: SocketOwner, Resumable {
    private static let measureBytes = 4 * 1024

    private let shell: MasterShell
    private let socket: Socket
    private var id: SessionID?
    private var flow: SessionFlow
    private var hasGreeted = false
    private var out: [UInt8] = []
    private var lastTurn = 0
    var isQueued = false
    private(set) var unreadBytes = 0
    private var writtenBytes = 0
    private var hasMarker = false
    private var isBackedUp = false
    private var wasWritable = true
    private var inputBytes = 0

    init(_ shell: MasterShell, _ socket: Socket) {
        self.shell = shell
        self.socket = socket
        flow = SessionFlow(openedAt: shell.now.monotonic)
    }

    // MARK: Opening and closing

    func open() {
        socket.owner = self
        id = shell.open(self)
        read()
    }

    func closed(_ socket: Socket) {
        if let id { shell.closed(id) }
        id = nil
        flow.close()
        shell.unread.change(from: unreadBytes, to: 0)
        unreadBytes = 0
        shell.input.change(from: inputBytes, to: 0)
        inputBytes = 0
    }

    func inputClosed(on socket: Socket) {
        flow.inputClosed()
        if let id { shell.halfClosed(id) }
    }

    func closeIfDone() -> HalfClosedSessions.Outcome {
        guard !flow.isClosed else { return .closed }
        guard flow.state == .reading else { return .waitsForFrames }
        guard shell.sentTurnNumber >= lastTurn else { return .waitsForTurn }
        close()
        return .closed
    }

    // MARK: Reading

    private func read() {
        if flow.mayRead(hold) {
            socket.isReading = true
        } else {
            socket.isReading = false
            wait()
        }
    }

    func received(_ bytes: [UInt8], on socket: Socket) {
        socket.isReading = false
        bytes.withUnsafeBytes { channelRead($0) }
        shell.readComplete()
        read()
    }

    private func channelRead(_ bytes: UnsafeRawBufferPointer) {
        guard let id, !flow.isClosed else { return }
        guard flow.state == .reading, shell.mayExecute else {
            flow.keep(bytes)
            countInput()
            return wait()
        }
        take(bytes, from: id)
        wait()
    }

    private func take(_ bytes: UnsafeRawBufferPointer?, from id: SessionID) {
        guard flow.begin() else { return }
        let workEnd = shell.core.work &+ MasterShell.sessionWorkMax
        let now = shell.now
        var bytes = bytes
        var outcome: SessionFlow.Outcome
        repeat {
            lastTurn = shell.turn.number
            outcome = execute(bytes, from: id, now: now, workEnd: workEnd)
            bytes = nil
            if shell.isTurnLarge || shell.isLate { shell.endTurn() }
        } while flow.hasMore(after: outcome) && hold == .none && shell.core.work &- workEnd < 0
        guard !flow.isClosed else { return }
        countInput()
        let fault = flow.finish(outcome, shareBytes: shell.input.share, now: now.monotonic)
        if let fault { return refuse(fault) }
        if case .wrongProtocol = outcome { refuse(WireError(.wrongProtocol, "a line begins with {")) }
    }

    private func execute(
        _ bytes: UnsafeRawBufferPointer?,
        from id: SessionID,
        now: Tick,
        workEnd: Int
    ) -> SessionFlow.Outcome {
        flow.execute(bytes) { line in
            let mayContinue = shell.received(line, from: id, now: now) && !shell.isTurnLarge
            if !hasGreeted { hasGreeted = shell.core.hasGreeted(id) }
            return SessionFlow.LineResult(
                mayContinue: mayContinue && shell.core.work &- workEnd < 0,
                hasGreeted: hasGreeted
            )
        }
    }

    private var hold: SessionFlow.Hold {
        guard socket.isOpen, socket.isWritable, !isOverShare else { return .peer }
        guard let id else { return .none }
        if shell.core.isAsking(id) { return .answer }
        return shell.isBehind(id) ? .store : .none
    }

    private var isOverShare: Bool { unreadBytes > shell.unread.share }

    private func countInput() {
        shell.input.change(from: inputBytes, to: flow.inputBytes)
        inputBytes = flow.inputBytes
    }

    private func wait() {
        guard id != nil else { return }
        switch flow.step(hold) {
        case .none: break
        case .resume: shell.resumeSoon(self)
        case .pause: shell.pause(self)
        }
    }

    func resume() {
        guard let id else { return }
        guard hold == .none else { return wait() }
        if flow.state == .stopped {
            take(nil, from: id)
            if flow.isInputClosed { shell.halfClosed(id) }
        }
        if flow.takeWantedRead(hold) { socket.isReading = true } else { wait() }
    }

    // MARK: Sending

    func deliver(_ lines: UnsafeRawBufferPointer) {
        guard socket.isOpen, !flow.isClosed else { return }
        out.append(contentsOf: lines)
    }

    func flush() {
        guard socket.isOpen, !out.isEmpty else { return }
        writtenBytes += out.count
        socket.send(out)
        out.removeAll(keepingCapacity: true)
        if writtenBytes >= Self.measureBytes || unreadBytes > 0 || !socket.isWritable { measureUnread() }
        tellWritability()
    }

    private func tellWritability() {
        guard socket.isWritable != wasWritable else { return }
        wasWritable = socket.isWritable
        tellBackedUp()
        if socket.isWritable { shell.resumeSoon(self) }
    }

    private func measureUnread() {
        guard socket.isOpen, !flow.isClosed else { return }
        writtenBytes = 0
        let left = socket.unsentBytes
        shell.unread.change(from: unreadBytes, to: left)
        unreadBytes = left
        tellBackedUp()
        guard left <= MasterShell.unreadBytesMax else { return closeUnread() }
        hasMarker = left > 0
    }

    func wrote(on socket: Socket) {
        if hasMarker, socket.unsentBytes == 0 {
            hasMarker = false
            measureUnread()
            shell.resumeSoon(self)
        }
        tellWritability()
    }

    private func tellBackedUp() {
        guard let id else { return }
        let isNow = !socket.isWritable || isOverShare
        guard isNow != isBackedUp else { return }
        isBackedUp = isNow
        shell.world.used("backed-up session")
        shell.backedUp(id, isNow)
    }

    func closeUnread() {
        guard socket.isOpen, !flow.isClosed else { return }
        shell.world.used("session closed unread")
        flow.close()
        shell.unread.change(from: unreadBytes, to: 0)
        unreadBytes = 0
        shell.execute { [socket] in socket.reset() }
    }

    func close() {
        guard socket.isOpen, !flow.isClosed else { return }
        if !out.isEmpty { flush() }
        guard !flow.isClosed else { return }
        flow.close()
        socket.isReading = true
        socket.closeAfterFlush()
        shell.process.after(MasterProcess.shutdownMicroseconds) { [socket] in socket.reset() }
    }

    /// Sends a fatal error after pending output, and closes.
    private func refuse(_ error: WireError) {
        guard socket.isOpen, !flow.isClosed else { return }
        shell.world.used("connection refused: \(error.code.rawValue)")
        var writer = JSONWriter(capacityBytes: 256)
        error.writeEvent(to: &writer)
        writer.newline()
        if id != nil { shell.endTurn() }
        writer.withUnsafeBytes { deliver($0) }
        close()
    }

    func wasStalled(milliseconds: Int64) { flow.wasStalled(milliseconds: milliseconds) }

    func sweep() {
        wait()
        let fault = flow.overdue(
            SessionDeadlines(),
            hasShownIdentity: id.map { shell.core.hasShownIdentity($0) } ?? true,
            hold: hold,
            now: shell.now.monotonic
        )
        if let fault { refuse(fault) }
    }
}
