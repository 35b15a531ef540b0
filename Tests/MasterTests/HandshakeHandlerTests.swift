import Glibc
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOEmbedded
import Testing

@testable import PodlingMaster
@testable import PodlingShell
@testable import PodlingTLS

/// Notes what a handler passes on.
private final class Behind: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private(set) var text = ""
    private(set) var events: [Any] = []
    private(set) var errors: [any Error] = []
    private(set) var isOver = false
    /// Called within each read.
    var onRead: (ChannelHandlerContext) -> Void = { _ in }
    private(set) var depthMax = 0
    private var depth = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        depth += 1
        defer { depth -= 1 }
        depthMax = max(depthMax, depth)
        text += String(buffer: unwrapInboundIn(data))
        onRead(context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) { events.append(event) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { errors.append(error) }
    func channelInactive(context: ChannelHandlerContext) { isOver = true }
}

/// Counts how often the socket is read from.
private final class ReadCounter: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    private(set) var count = 0

    func read(context: ChannelHandlerContext) {
        count += 1
        context.read()
    }
}

/// Keeps the lines of a log.
private struct Keeper: LogHandler {
    let lines: NIOLockedValueBox<[String]>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.debug

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { lines.withLockedValue { $0.append("\(event.message)") } }

    static func make() -> (Logger, NIOLockedValueBox<[String]>) {
        let lines = NIOLockedValueBox<[String]>([])
        return (Logger(label: "test") { _ in Keeper(lines: lines) }, lines)
    }
}

private let done = TLSHandshakeDone(version: "TLSv1.3", peerCertificate: nil)

/// The count of handshakes that are not done, and the log of those that failed.
@Suite struct HandshakeHandlerTests {
    private let pending = PendingHandshakes(countMax: 2, perAddressMax: 2)
    private let logger: Logger
    private let lines: NIOLockedValueBox<[String]>

    init() { (logger, lines) = Keeper.make() }

    private func open() throws -> (EmbeddedChannel, Behind) {
        let (channel, behind) = (EmbeddedChannel(), Behind())
        let handler = HandshakeHandler(pending: pending, log: FailureLog(logger))
        try channel.pipeline.syncOperations.addHandlers(handler, behind)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        return (channel, behind)
    }

    private var logged: [String] { lines.withLockedValue { $0 } }

    @Test func itPassesAllOnAndLeavesWhenTheHandshakeIsDone() throws {
        let (channel, behind) = try open()
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        channel.pipeline.fireUserInboundEventTriggered(done)
        try channel.writeInbound(ByteBuffer(string: "a"))
        #expect(behind.events.count == 2)
        #expect(behind.text == "a")
        #expect(throws: ChannelPipelineError.notFound) {
            try channel.pipeline.syncOperations.handler(type: HandshakeHandler.self)
        }
        #expect(logged == [])
    }

    @Test func oneTooManyMakesTheOldestGo() throws {
        let (first, _) = try open()
        let (second, _) = try open()
        let (third, _) = try open()
        #expect(!first.isActive)
        #expect(second.isActive && third.isActive)
        #expect(logged.count == 1 && logged[0].contains("too many handshakes"), "\(logged)")
    }

    @Test(arguments: [false, true]) func whoIsDoneOrGoneCountsNoLonger(isGone: Bool) throws {
        let (first, behind) = try open()
        if isGone { first.close(promise: nil) } else { first.pipeline.fireUserInboundEventTriggered(done) }
        let (second, _) = try open()
        let (third, _) = try open()
        #expect(first.isActive == !isGone)
        #expect(behind.isOver == isGone)
        #expect(second.isActive && third.isActive)
    }

    /// Who looks whether the port is open, and says nothing, is not worth a line.
    @Test(arguments: [(TLSError.Kind.timeout, 1), (.notTLS(0x7b), 1), (.truncated, 0)])
    func aFailureIsLoggedAndPassed(_ kind: TLSError.Kind, count: Int) throws {
        let (channel, behind) = try open()
        channel.pipeline.fireErrorCaught(TLSError(kind, "so it is"))
        #expect(logged.count == count)
        #expect(behind.errors.count == 1)
    }

    @Test func otherErrorsArePassedOnly() throws {
        let (channel, behind) = try open()
        channel.pipeline.fireErrorCaught(ChannelError.ioOnClosedChannel)
        #expect(logged == [])
        #expect(behind.errors.count == 1)
    }
}

/// Handshakes take turns with lines.
@Suite struct HandshakeGateTests {
    private let bench = SessionBench()
    private let channel: EmbeddedChannel
    private let gate: HandshakeGate
    private let socket = ReadCounter()
    private let behind = Behind()

    init() throws {
        channel = EmbeddedChannel(loop: bench.eventLoop)
        gate = HandshakeGate(bench.shell)
        try channel.pipeline.syncOperations.addHandlers(socket, gate, behind)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    }

    private func receive(_ text: String) throws { try channel.writeInbound(ByteBuffer(string: text)) }

    /// As if the loop had done all it may before the sockets are looked at again.
    private func exhaust() { bench.shell.workAtPoll = bench.shell.workDone &- 1_000_000 }

    @Test func aHandshakeIsWork() throws {
        let before = bench.shell.workDone
        try receive("a")
        let first = bench.shell.workDone - before
        try receive("b")
        #expect(behind.text == "ab")
        #expect(first > bench.shell.workDone - before - first)
        gate.isDone = true
        let after = bench.shell.workDone
        try receive("c")
        #expect(bench.shell.workDone == after)
        #expect(behind.text == "abc")
    }

    @Test func whatComesWhileOthersAreServedWaits() throws {
        exhaust()
        try receive("a")
        try receive("b")
        #expect(behind.text == "")
        channel.read()
        #expect(socket.count == 0)
        bench.turn()
        #expect(behind.text == "ab")
        #expect(socket.count == 1)
        #expect(behind.depthMax == 1)
    }

    /// Nothing goes past what waits, also where there would be time for it.
    @Test func theOrderIsKept() throws {
        exhaust()
        try receive("a")
        bench.shell.workAtPoll = bench.shell.workDone
        try receive("b")
        #expect(behind.text == "")
        bench.turn()
        #expect(behind.text == "ab")
    }

    /// A turn that is being sent may bring bytes; they are no business of that turn.
    @Test func nothingIsDoneWhileATurnIsSent() throws {
        bench.shell.isCarryingOut = true
        try receive("a")
        #expect(behind.text == "")
        bench.shell.isCarryingOut = false
        bench.turn()
        #expect(behind.text == "a")
    }

    @Test(arguments: [false, true]) func whatWaitsEndsWithTheConnection(isRemoved: Bool) throws {
        exhaust()
        try receive("a")
        channel.read()
        channel.close(promise: nil)
        if isRemoved { bench.eventLoop.run() } else { gate.resume() }
        bench.turn()
        #expect(behind.text == "")
        #expect(behind.isOver)
        #expect(socket.count == 0)
    }

    /// The handshake ends the connection from within the bytes that waited.
    @Test func anEndFromWithin() throws {
        behind.onRead = { $0.close(promise: nil) }
        exhaust()
        try receive("a")
        channel.read()
        bench.turn()
        #expect(behind.text == "a" && behind.isOver)
    }

    @Test func theEndOfWhatThePeerSendsAndErrorsPass() {
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        channel.pipeline.fireErrorCaught(ChannelError.ioOnClosedChannel)
        #expect(behind.events.count == 1 && behind.errors.count == 1)
    }
}

/// A server that cannot accept.
@Suite struct AcceptPauseTests {
    private let channel = EmbeddedChannel()
    private let behind = Behind()
    private let socket = ReadCounter()
    private let lines: NIOLockedValueBox<[String]>

    init() throws {
        let logger: Logger
        (logger, lines) = Keeper.make()
        try channel.pipeline.syncOperations.addHandlers(socket, AcceptPause(logger), behind)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    }

    private var logged: [String] { lines.withLockedValue { $0 } }

    private var isReading: Bool? {
        channel.options.lazy.compactMap { $0.option is ChannelOptions.Types.AutoReadOption ? $0.value as? Bool : nil }
            .first
    }

    private func fail(_ code: Int32) { channel.pipeline.fireErrorCaught(IOError(errnoCode: code, reason: "accept")) }

    @Test(arguments: [(EMFILE, true), (ENFILE, true), (ENOBUFS, false), (ENOMEM, false)])
    func aServerWithoutMeansRestsAndGoesOn(code: Int32, namesACure: Bool) {
        fail(code)
        #expect(isReading == false)
        channel.read()
        #expect(socket.count == 0)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(499))
        #expect(isReading == false)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(501))
        #expect(isReading == true)
        channel.read()
        #expect(socket.count == 1)
        #expect(logged.count == 1 && logged[0].contains("ulimit") == namesACure, "\(logged)")
        #expect(behind.errors.isEmpty)
    }

    /// One rest at a time, and one line in a while.
    @Test func errorsDuringTheRestMakeItNoLonger() {
        for _ in 1...5 {
            fail(EMFILE)
            channel.embeddedEventLoop.advanceTime(by: .milliseconds(99))
        }
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(505))
        #expect(isReading == true)
        fail(EMFILE)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(499))
        #expect(isReading == false)
        #expect(logged.count == 1)
    }

    @Test func oneConnectionThatWasGoneIsNoReasonToRest() {
        fail(ECONNABORTED)
        #expect(isReading == nil)
        #expect(behind.errors.isEmpty && logged == [])
    }

    @Test func whatElseFailsIsPassedOn() {
        channel.pipeline.fireErrorCaught(ChannelError.ioOnClosedChannel)
        #expect(isReading == nil)
        #expect(behind.errors.count == 1)
    }

    @Test func aServerThatEndsDuringItsRest() {
        fail(EMFILE)
        channel.close(promise: nil)
        channel.embeddedEventLoop.advanceTime(by: .seconds(2))
        #expect(behind.isOver)
    }
}
