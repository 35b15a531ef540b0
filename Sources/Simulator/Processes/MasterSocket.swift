import PodlingShell

/// The socket of one session of a master.
final class MasterSocket: SocketOwner, SessionSocket {
    private let process: MasterProcess
    private let socket: Socket
    private let session: SessionShell
    private var out: [UInt8] = []
    private var isClosing = false
    private var hasMark = false
    private var wasWritable = true

    init(_ process: MasterProcess, _ shell: MasterShell, _ socket: Socket) {
        self.process = process
        self.socket = socket
        session = SessionShell(shell)
    }

    // MARK: What the network tells

    func open() {
        socket.owner = self
        session.connected(self)
        session.open()
        allowRead()
    }

    func closed(_ socket: Socket) { session.disconnected() }

    func inputClosed(on socket: Socket) { session.inputClosed() }

    func received(_ bytes: [UInt8], on socket: Socket) {
        socket.isReading = false
        bytes.withUnsafeBytes { session.received($0) }
        session.readComplete()
        allowRead()
    }

    func wrote(on socket: Socket) {
        if hasMark, socket.unsentBytes == 0 {
            hasMark = false
            session.passedMarker()
        }
        tellWritability()
    }

    /// The next read, as a channel asks for it by itself.
    private func allowRead() { if session.mayRead() { socket.isReading = true } }

    private func tellWritability() {
        guard socket.isOpen, socket.isWritable != wasWritable else { return }
        wasWritable = socket.isWritable
        session.writabilityChanged()
    }

    // MARK: What the session asks for

    var peerName: String { "" }
    var credentials: PeerCredentials { .none }
    var isActive: Bool { socket.isOpen && !isClosing }
    var isWritable: Bool { socket.isOpen && socket.isWritable }
    var unsentBytes: Int { socket.unsentBytes }

    func read() { socket.isReading = true }

    func buffer(_ lines: UnsafeRawBufferPointer) {
        process.world.cluster.checkers.leaves(lines, from: process)
        out.append(contentsOf: lines)
    }

    var bufferedBytes: Int { out.count }

    func flush() {
        let bytes = out
        out.removeAll(keepingCapacity: true)
        guard isActive else { return }
        socket.send(bytes)
        tellWritability()
    }

    func mark() { hasMark = true }

    func closeAfterFlush(withinSeconds seconds: Int) {
        socket.isReading = true
        socket.closeAfterFlush()
        process.after(Int64(seconds) * 1_000_000) { [socket] in socket.reset() }
    }

    func close() {
        guard isActive else { return }
        isClosing = true
        process.after(0) { [socket] in socket.reset() }
    }

    func spokeTLS() {}
}
