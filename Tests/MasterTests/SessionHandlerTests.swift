import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOEmbedded
import PodlingCore
import PodlingStore
import Testing

@testable import PodlingMaster

/// What a socket may do while it is being written to: hand over bytes, change its mind about being writable, or close.
private final class ReportingBack: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer

    /// What comes with each of the next flushes.
    var arriving: [String] = []
    var closesNext = false

    func flush(context: ChannelHandlerContext) {
        context.flush()
        context.fireChannelWritabilityChanged()
        if !arriving.isEmpty {
            context.fireChannelRead(wrapInboundOut(ByteBuffer(string: arriving.removeFirst())))
            context.fireChannelReadComplete()
        }
        if closesNext {
            closesNext = false
            context.close(promise: nil)
        }
    }
}

/// A store that answers reads when the test says so.
private final class AskedStore: Store {
    private let asked = NIOLockedValueBox<[@Sendable (Result<StorePage, StoreError>) -> Void]>([])

    var keepsRows: Bool { true }
    var leadership: AsyncStream<StoreLeadership> { AsyncStream { $0.yield(.leading) } }
    func advertise(_ address: String) {}
    func commit(_ batch: StoreBatch, done: @escaping @Sendable (Result<Void, StoreError>) -> Void) -> StoreAnswer {
        .durable
    }
    func load(_ take: @escaping @Sendable (StoreBatch) async throws -> Void) async throws {}
    func read(_ query: StoreQuery, done: @escaping @Sendable (Result<StorePage, StoreError>) -> Void) {
        asked.withLockedValue { $0.append(done) }
    }
    func close() async {}

    var askedCount: Int { asked.withLockedValue { $0.count } }

    func answerAll() {
        let all = asked.withLockedValue { asked in
            defer { asked = [] }
            return asked
        }
        for done in all { done(.success(StorePage())) }
    }
}

@Suite struct SessionHandlerTests {
    /// A connection whose socket reports back, on an event loop that the test turns.
    private struct Bench {
        let store = AskedStore()
        let loop: MasterLoop
        let channel: EmbeddedChannel
        let socket = ReportingBack()

        init() throws {
            channel = EmbeddedChannel()
            let configuration = MasterConfiguration(
                core: CoreConfiguration(server: "podling-master/test", epoch: "e1", firstTaskID: TaskID(number: 1))
            )
            loop = MasterLoop(
                configuration: configuration,
                store: store,
                eventLoop: channel.eventLoop,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            try channel.pipeline.syncOperations.addHandler(socket)
            try channel.pipeline.syncOperations.addHandler(SessionHandler(loop: loop))
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
            turn()
            _ = try replies()
        }

        /// Lets all that is due happen.
        func turn() {
            for _ in 0..<3 { channel.embeddedEventLoop.advanceTime(by: .milliseconds(1)) }
        }

        func send(_ lines: String...) throws {
            try channel.writeInbound(ByteBuffer(string: lines.map { $0 + "\n" }.joined()))
        }

        func replies() throws -> [String] {
            var text = ""
            while let buffer = try channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: buffer) }
            return text.split(separator: "\n").map(String.init)
        }

        /// The `id` of each reply.
        func ids() throws -> [Int] {
            try replies().compactMap { line in line.split(separator: ",").first.flatMap { Int($0.dropFirst(6)) } }
        }
    }

    private static func ping(_ id: Int) -> String { #"{"op":"ping","id":\#(id)}"# }
    private static func unknown(_ id: Int) -> String { #"{"op":"get","id":\#(id),"taskId":"nope"}"# }

    /// A write during which the socket hands over more lines, again and again.
    @Test func linesThatComeWhileRepliesAreSentWaitTheirTurn() throws {
        let bench = try Bench()
        bench.socket.arriving = (3..<9).map { Self.ping($0) + "\n" }
        try bench.send(Self.ping(1), Self.ping(2))
        bench.turn()
        #expect(try bench.ids() == Array(1..<9))
    }

    /// Requests that ask the store beside some that do not: the answers keep their order, also over several reads.
    @Test func repliesComeInTheOrderOfTheRequests() throws {
        let bench = try Bench()
        try bench.send(Self.unknown(0), Self.ping(1), Self.unknown(2))
        try bench.send(Self.ping(3), Self.unknown(4))
        try bench.send(Self.ping(5))
        var ids: [Int] = []
        for _ in 0..<3 {
            bench.turn()
            #expect(bench.store.askedCount <= 1)
            bench.store.answerAll()
        }
        bench.turn()
        ids += try bench.ids()
        #expect(ids == Array(0..<6))
    }

    /// An answer of the store whose reply fills a turn, which the socket takes at once and reports.
    @Test func aLargeTurnAfterAnAnswerOfTheStoreIsNoReentrance() throws {
        let bench = try Bench()
        let spec = #"{"name":"a","image":"b","env":{"A":"\#(String(repeating: "x", count: 200))"}}"#
        let specs = [String](repeating: spec, count: 20)
        try bench.send(#"{"op":"hello","proto":1,"role":"client"}"#)
        for _ in 0..<50 { try bench.send(#"{"op":"submit_many","tasks":[\#(specs.joined(separator: ","))]}"#) }
        bench.turn()
        _ = try bench.replies()
        bench.socket.arriving = [Self.ping(11) + "\n"]
        let lists = (1...8).map { #"{"op":"list","limit":1000,"id":\#($0)}"# }.joined(separator: "\n")
        try bench.send(Self.unknown(0), lists, Self.ping(9), Self.ping(10))
        bench.turn()
        bench.store.answerAll()
        for _ in 0..<10 { bench.turn() }
        #expect(try bench.ids() == Array(0..<12))
    }

    @Test func aSocketThatClosesWhileItIsWrittenToEndsItsSessionOnly() throws {
        let bench = try Bench()
        #expect(bench.loop.sessionCount == 1)
        bench.socket.closesNext = true
        bench.socket.arriving = [Self.ping(2) + "\n"]
        try bench.send(Self.ping(1))
        bench.turn()
        #expect(bench.loop.sessionCount == 0)
        #expect(bench.loop.unread.total == 0)
    }

    /// What one read brings is executed in pieces, and others are served between.
    @Test func aFloodIsTakenInPieces() throws {
        let bench = try Bench()
        try bench.send(#"{"op":"hello","proto":1,"role":"client"}"#)
        let specs = [String](repeating: #"{"name":"a","image":"b"}"#, count: 1_000).joined(separator: ",")
        for _ in 0..<10 { try bench.send(#"{"op":"submit_many","tasks":[\#(specs)]}"#) }
        bench.turn()
        _ = try bench.replies()
        let line = #"{"op":"list","labels":{"a":"b"}}"#
        let start = bench.loop.workDone
        try bench.send([String](repeating: line, count: 300).joined(separator: "\n"))
        let one = bench.loop.workDone - start
        #expect(one < 4 * MasterLoop.sessionWorkMax, "\(one)")
        #expect(try bench.replies().count < 3)
        var count = 0
        for _ in 0..<1_000 where count < 300 {
            bench.turn()
            count += try bench.replies().count
        }
        #expect(count >= 297)
    }
}
