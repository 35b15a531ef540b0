import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOEmbedded
import PodlingCore
import PodlingShell
import PodlingStore

@testable import PodlingMaster

/// What a socket may do while it is being written to: hand over bytes, change its mind about being writable, fail, close.
final class FickleSocket: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer

    enum Failure: CaseIterable {
        case inWrite, inFlush
    }

    struct Broken: Error {}

    /// What comes with each of the next flushes.
    var arriving: [String] = []
    var closesNext = false
    /// Not writable from a write on, and writable again within the flush behind it.
    var flips = false
    /// Takes nothing, and is not writable from the next flush on.
    var isFull = false
    /// Where the next write fails, and ends the connection.
    var failure: Failure?
    /// Called once, within the next flush.
    var onFlush: (() -> Void)?
    private(set) var readCount = 0
    /// How many writes were within one another; empty ones count for nothing.
    private(set) var depthMax = 0
    private var depth = 0

    func read(context: ChannelHandlerContext) {
        readCount += 1
        context.read()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard unwrapOutboundIn(data).readableBytes > 0 else { return context.write(data, promise: promise) }
        depth += 1
        defer { depth -= 1 }
        depthMax = max(depthMax, depth)
        if failure == .inWrite {
            promise?.fail(Broken())
            return fail(context)
        }
        context.write(data, promise: promise)
        if flips { set(context, isWritable: false) }
    }

    func flush(context: ChannelHandlerContext) {
        depth += 1
        defer { depth -= 1 }
        if failure == .inFlush { return fail(context) }
        if isFull { return set(context, isWritable: false) }
        context.flush()
        set(context, isWritable: true)
        if !arriving.isEmpty {
            context.fireChannelRead(wrapInboundOut(ByteBuffer(string: arriving.removeFirst())))
            context.fireChannelReadComplete()
        }
        onFlush.take()?()
        if closesNext {
            closesNext = false
            context.close(promise: nil)
        }
    }

    /// The peer has read all.
    func drain(_ channel: EmbeddedChannel) {
        isFull = false
        channel.flush()
    }

    private func set(_ context: ChannelHandlerContext, isWritable: Bool) {
        (context.channel as? EmbeddedChannel)?.isWritable = isWritable
        context.fireChannelWritabilityChanged()
    }

    private func fail(_ context: ChannelHandlerContext) {
        failure = nil
        context.fireErrorCaught(Broken())
        context.close(promise: nil)
    }
}

/// A store that answers when the test says so.
final class ScriptedStore: Store {
    enum Time {
        /// Within the call.
        case atOnce
        case whenTold
    }

    private struct State {
        var reads: [@Sendable (Result<StorePage, StoreError>) -> Void] = []
        var commits: [@Sendable (Result<Void, StoreError>) -> Void] = []
        var taskCount = 0
    }

    private let readTime: Time
    /// nil is a store that has each batch when `commit` returns.
    private let commitTime: Time?
    private let state = NIOLockedValueBox(State())

    init(readTime: Time = .whenTold, commitTime: Time? = nil) {
        self.readTime = readTime
        self.commitTime = commitTime
    }

    var keepsRows: Bool { true }
    var leadership: AsyncStream<StoreLeadership> { AsyncStream { $0.yield(.leading) } }
    func advertise(_ address: String) {}
    func load(_ take: @escaping @Sendable (StoreBatch) async throws -> Void) async throws {}
    func close() async {}

    func commit(_ batch: StoreBatch, done: @escaping @Sendable (Result<Void, StoreError>) -> Void) -> StoreAnswer {
        state.withLockedValue { $0.taskCount += batch.tasks.count }
        switch commitTime {
        case nil: return .durable
        case .atOnce: done(.success(()))
        case .whenTold: state.withLockedValue { $0.commits.append(done) }
        }
        return .later
    }

    func read(_ query: StoreQuery, done: @escaping @Sendable (Result<StorePage, StoreError>) -> Void) {
        switch readTime {
        case .atOnce: done(.success(StorePage()))
        case .whenTold: state.withLockedValue { $0.reads.append(done) }
        }
    }

    var askedCount: Int { state.withLockedValue { $0.reads.count } }
    /// Rows of tasks that came in batches.
    var taskCount: Int { state.withLockedValue { $0.taskCount } }

    func answerAll() {
        let (reads, commits) = state.withLockedValue { state in
            defer { (state.reads, state.commits) = ([], []) }
            return (state.reads, state.commits)
        }
        for done in commits { done(.success(())) }
        for done in reads { done(.success(StorePage())) }
    }
}

/// Connections whose sockets report back, on an event loop that the test turns.
struct SessionBench {
    let eventLoop = EmbeddedEventLoop()
    let store: ScriptedStore
    let shell: MasterShell
    let loop: MasterLoop

    init(_ store: ScriptedStore = ScriptedStore(), _ adjust: (inout MasterConfiguration) -> Void = { _ in }) {
        self.store = store
        var configuration = MasterConfiguration(
            core: CoreConfiguration(server: "podling-master/test", epoch: "e1", firstTaskID: TaskID(number: 1))
        )
        adjust(&configuration)
        (shell, loop) = MasterLoop.shell(
            configuration: configuration,
            store: store,
            eventLoop: eventLoop,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    /// A peer that was greeted, unless it is behind TLS.
    func connect(isBehindTLS: Bool = false) throws -> SessionPeer {
        let peer = try open(isBehindTLS: isBehindTLS)
        turn()
        _ = try peer.replies()
        return peer
    }

    /// A peer whose greeting is not sent yet.
    func open(isBehindTLS: Bool = false) throws -> SessionPeer {
        let peer = SessionPeer(
            channel: EmbeddedChannel(loop: eventLoop),
            handler: SessionHandler(shell, loop, isBehindTLS: isBehindTLS)
        )
        try peer.channel.pipeline.syncOperations.addHandlers(peer.socket, peer.handler)
        peer.channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        return peer
    }

    /// Lets all that is due happen.
    func turn() {
        for _ in 0..<3 { eventLoop.advanceTime(by: .milliseconds(1)) }
    }

    /// Lets all happen that the store's answers lead to.
    func settle() {
        for _ in 0..<20 {
            turn()
            store.answerAll()
        }
        turn()
    }
}

/// The far end of one connection.
struct SessionPeer {
    let channel: EmbeddedChannel
    let handler: SessionHandler
    let socket = FickleSocket()

    /// Sends lines in one packet.
    func send(_ lines: String...) throws { try channel.writeInbound(ByteBuffer(string: Self.packet(lines))) }

    /// Sends lines in one packet that is not the last of its poll.
    func sendMore(_ lines: String...) {
        channel.pipeline.syncOperations.fireChannelRead(NIOAny(ByteBuffer(string: Self.packet(lines))))
    }

    static func packet(_ lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }

    func replies() throws -> [String] {
        var text = ""
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: buffer) }
        return text.split(separator: "\n").map(String.init)
    }

    /// The `id` of each reply.
    func ids() throws -> [Int] { try replies().compactMap(Self.id) }

    static func id(_ line: String) -> Int? {
        line.hasPrefix(#"{"re":"#) ? line.split(separator: ",").first.flatMap { Int($0.dropFirst(6)) } : nil
    }
}
