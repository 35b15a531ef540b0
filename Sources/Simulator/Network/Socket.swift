/// Whoever reads from a socket and writes to it.
protocol SocketOwner: AnyObject {
    func received(_ bytes: [UInt8], on socket: Socket)
    /// The peer has closed its sending side.
    func inputClosed(on socket: Socket)
    /// Some of what was written has left.
    func wrote(on socket: Socket)
    func closed(_ socket: Socket)
}

/// One end of a connection, a pipe of bytes in each direction: they arrive late, cut anywhere, or not at all, and are not
/// read before their receiver wants them.
final class Socket {
    static let readBytesMax = 64 * 1024
    /// Bytes that the systems of both sides take over, so that they are no longer the writer's.
    private static let systemBytes = 16 * 1024
    private static let highBytes = 64 * 1024
    private static let lowBytes = 32 * 1024
    private static let resendMicroseconds: Int64 = 200_000

    let number: Int
    let process: Process
    private let world: World
    private let network: Network
    /// Until it is closed.
    var owner: (any SocketOwner)?
    private var peer: Socket?
    private var out: [UInt8] = []
    private var head = 0
    private var isPlanned = false
    private(set) var isOpen = true
    private var isOutputEnded = false
    private var isEndTold = false
    private var isClosing = false
    private(set) var isWritable = true
    /// Whether the owner takes bytes now.
    var isReading = true {
        didSet { if isReading, !oldValue { peer?.plan() } }
    }

    private init(_ world: World, _ network: Network, _ process: Process) {
        self.world = world
        self.network = network
        self.process = process
        number = network.takeNumber()
    }

    static func pair(_ world: World, _ network: Network, _ one: Process, _ other: Process) -> (Socket, Socket) {
        let first = Socket(world, network, one)
        let second = Socket(world, network, other)
        (first.peer, second.peer) = (second, first)
        one.sockets[ObjectIdentifier(first)] = first
        other.sockets[ObjectIdentifier(second)] = second
        return (first, second)
    }

    var peerProcess: Process? { peer?.process }

    // MARK: Writing

    /// Bytes that have not left the writer.
    var unsentBytes: Int { max(0, out.count - head - Self.systemBytes) }

    func send(_ bytes: UnsafeRawBufferPointer) {
        guard isOpen, !isClosing, !isOutputEnded else { return }
        out.append(contentsOf: bytes)
        if unsentBytes > Self.highBytes { isWritable = false }
        plan()
    }

    func send(_ bytes: [UInt8]) { bytes.withUnsafeBytes { send($0) } }

    /// Ends the output; input still comes.
    func endOutput() {
        isOutputEnded = true
        plan()
    }

    private func plan() {
        guard isOpen, !isPlanned, let peer, peer.isOpen else { return }
        guard head < out.count ? peer.isReading : (isOutputEnded && !isEndTold) || isClosing else { return }
        isPlanned = true
        world.after(network.latency()) { [self] in deliver() }
    }

    private func deliver() {
        isPlanned = false
        guard isOpen, let peer, peer.isOpen else { return }
        if network.isLost(from: process.host, to: peer.process.host) || peer.process.isPaused {
            isPlanned = true
            return world.after(Self.resendMicroseconds) { [self] in deliver() }
        }
        guard head < out.count else { return deliverEnd() }
        guard peer.isReading else { return }
        if network.strikes(.reset, onceIn: 2_000) { return reset() }
        let count = network.cut(out.count - head)
        let bytes = Array(out[head..<head + count])
        head += count
        if head == out.count {
            out.removeAll(keepingCapacity: out.capacity <= Self.readBytesMax)
            head = 0
        } else if head > Self.readBytesMax {
            out.removeFirst(head)
            head = 0
        }
        bytes.withUnsafeBytes { world.note($0) }
        peer.owner?.received(bytes, on: peer)
        guard isOpen else { return }
        if unsentBytes < Self.lowBytes { isWritable = true }
        owner?.wrote(on: self)
        plan()
    }

    private func deliverEnd() {
        if isOutputEnded, !isEndTold {
            isEndTold = true
            peer?.owner?.inputClosed(on: peer!)
        }
        if isClosing, isOpen { shut() }
        plan()
    }

    // MARK: The end

    /// Closes it once everything written has arrived.
    func closeAfterFlush() {
        guard isOpen else { return }
        isClosing = true
        plan()
    }

    /// Both sides learn of the end.
    private func shut() {
        let other = peer
        forget()
        tellOwner()
        if let other, other.isOpen {
            other.forget()
            other.tellOwner()
        }
    }

    /// Ends it at once; the peer learns of it when that reaches it. What was under way is lost.
    func reset() {
        guard isOpen else { return }
        let owner = owner
        abandon()
        owner?.closed(self)
    }

    /// Ends it without telling this side, whose process is gone.
    func abandon() {
        guard isOpen else { return }
        let other = peer
        forget()
        owner = nil
        if let other { tellReset(other) }
    }

    private func tellReset(_ other: Socket) {
        world.after(network.latency()) { [self] in
            guard other.isOpen else { return }
            if network.isLost(from: process.host, to: other.process.host) || other.process.isPaused {
                return world.after(Self.resendMicroseconds) { [self] in tellReset(other) }
            }
            other.forget()
            other.tellOwner()
        }
    }

    private func tellOwner() {
        let told = owner
        owner = nil
        told?.closed(self)
    }

    private func forget() {
        isOpen = false
        process.sockets[ObjectIdentifier(self)] = nil
        peer = nil
        out = []
        head = 0
    }
}
