import NIOCore
import NIOEmbedded
import PodlingCore
import Testing

@testable import PodlingMaster
@testable import PodlingShell
@testable import PodlingTLS

/// Sockets and stores that answer from within the call that they answer.
@Suite struct SessionReentranceTests {
    private static func ping(_ id: Int) -> String { #"{"op":"ping","id":\#(id)}"# }
    /// Is answered by the store.
    private static func unknown(_ id: Int) -> String { #"{"op":"get","id":\#(id),"taskId":"nope"}"# }
    private static func submit(_ id: Int) -> String { #"{"op":"submit","id":\#(id),"name":"a","image":"b"}"# }

    // MARK: Being writable

    /// As a socket does whose buffer is full after each write, and empty after each flush.
    @Test func writabilityThatChangesWithinAWrite() throws {
        let bench = SessionBench()
        let peer = try bench.connect()
        peer.socket.flips = true
        peer.socket.arriving = (3..<9).map { Self.ping($0) + "\n" }
        try peer.send(Self.ping(1), Self.ping(2))
        bench.turn()
        #expect(try peer.ids() == Array(1..<9))
        #expect(peer.socket.depthMax == 1)
        #expect(bench.shell.unread.total == 0)
    }

    @Test func aSocketThatFillsWithinAFlushIsReadFromOnceItHasDrained() throws {
        let bench = SessionBench()
        let peer = try bench.connect()
        peer.socket.isFull = true
        try peer.send(Self.ping(1), Self.ping(2))
        bench.turn()
        #expect(bench.shell.unread.total > 0)
        let before = peer.socket.readCount
        peer.channel.read()
        bench.turn()
        #expect(peer.socket.readCount == before)
        #expect(try peer.ids() == [])
        peer.socket.arriving = [Self.ping(3) + "\n"]
        peer.socket.drain(peer.channel)
        bench.turn()
        #expect(peer.socket.readCount == before + 1)
        #expect(try peer.ids() == [1, 2, 3])
        #expect(bench.shell.unread.total == 0)
        #expect(peer.socket.depthMax == 1)
    }

    /// The rest of a packet waits while its first answers fill the socket.
    @Test func aPacketThatFillsTheSocketGoesOnWhereItStopped() throws {
        let bench = SessionBench()
        let peer = try bench.connect()
        peer.socket.isFull = true
        try peer.send(Self.unknown(0), Self.ping(1), Self.unknown(2), Self.ping(3))
        bench.settle()
        #expect(try peer.ids() == [])
        #expect(bench.store.askedCount == 0)
        peer.socket.drain(peer.channel)
        bench.settle()
        #expect(try peer.ids() == [0, 1, 2, 3])
        #expect(bench.shell.input.total == 0)
    }

    // MARK: Writes that fail

    /// The one whose socket fails is flushed before, and behind, another whose lines came with the same poll.
    @Test(arguments: FickleSocket.Failure.allCases, [false, true])
    func aWriteThatFailsEndsItsSessionOnly(_ failure: FickleSocket.Failure, isFirst: Bool) throws {
        let bench = SessionBench()
        let (broken, other) = (try bench.connect(), try bench.connect())
        broken.socket.failure = failure
        for peer in isFirst ? [broken, other] : [other, broken] { peer.sendMore(Self.ping(1), Self.ping(2)) }
        other.channel.pipeline.fireChannelReadComplete()
        bench.turn()
        #expect(!broken.channel.isActive)
        #expect(try other.ids() == [1, 2])
        #expect(bench.shell.sessionCount == 1)
        #expect(bench.shell.unread.total == 0 && bench.shell.input.total == 0)
        try other.send(Self.ping(3))
        bench.turn()
        #expect(try other.ids() == [3])
    }

    /// The end of a turn within a packet: what follows in it comes from nobody.
    @Test(arguments: FickleSocket.Failure.allCases)
    func aWriteThatFailsInTheMiddleOfAPacketEndsIt(_ failure: FickleSocket.Failure) throws {
        let bench = SessionBench()
        let peer = try bench.connect()
        try peer.send(#"{"op":"hello","proto":1,"role":"client"}"#)
        let spec = #"{"name":"a","image":"b","env":{"A":"\#(String(repeating: "x", count: 200))"}}"#
        let specs = [String](repeating: spec, count: 20).joined(separator: ",")
        for _ in 0..<50 { try peer.send(#"{"op":"submit_many","tasks":[\#(specs)]}"#) }
        bench.turn()
        _ = try peer.replies()
        let before = bench.store.taskCount
        peer.socket.failure = failure
        let lists = [String](repeating: #"{"op":"list","limit":1000}"#, count: 8).joined(separator: "\n")
        try peer.send(lists, Self.submit(1))
        for _ in 0..<10 { bench.turn() }
        #expect(!peer.channel.isActive)
        #expect(bench.store.taskCount == before)
        #expect(bench.shell.sessionCount == 0)
        #expect(bench.shell.unread.total == 0 && bench.shell.input.total == 0)
    }

    @Test(arguments: FickleSocket.Failure.allCases, ["GET / HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}"])
    func aRefusalThatCannotBeWrittenEndsTheSessionOnce(_ failure: FickleSocket.Failure, bytes: String) throws {
        let bench = SessionBench()
        let (peer, other) = (try bench.connect(), try bench.connect())
        peer.socket.failure = failure
        try peer.send(bytes)
        bench.turn()
        #expect(!peer.channel.isActive)
        #expect(bench.shell.sessionCount == 1)
        try other.send(Self.ping(1))
        bench.turn()
        #expect(try other.ids() == [1])
    }

    /// Who comes while a turn is being sent, and gets the place of one that fails then, gets nothing of that one's.
    @Test(arguments: [false, true]) func aPlaceThatIsFreedWithinATurnGoesToOneWhoIsGreetedOnly(flips: Bool) throws {
        let bench = SessionBench()
        let (leaving, other) = (try bench.connect(), try bench.connect())
        var late: SessionPeer?
        leaving.socket.flips = flips
        leaving.socket.onFlush = {
            leaving.channel.close(promise: nil)
            late = try? bench.open()
        }
        other.sendMore(Self.ping(1))
        leaving.sendMore(Self.ping(2))
        leaving.channel.pipeline.fireChannelReadComplete()
        bench.turn()
        let greeting = try #require(try late?.replies())
        #expect(greeting.count == 1 && greeting.first?.hasPrefix(#"{"ev":"hello""#) == true, "\(greeting)")
        #expect(try other.ids() == [1])
        #expect(bench.shell.sessionCount == 2)
        try late?.send(Self.ping(3))
        bench.turn()
        #expect(try late?.ids() == [3])
    }

    // MARK: The store

    /// Wherever a packet is cut, and whenever the store answers: the replies keep the order of the requests.
    @Test(arguments: [ScriptedStore.Time.atOnce, .whenTold], [false, true])
    func anAnswerOfTheStoreInTheMiddleOfAPacket(_ time: ScriptedStore.Time, isRestInFlush: Bool) throws {
        let text = SessionPeer.packet([
            Self.unknown(0), Self.ping(1), Self.submit(2), Self.unknown(3), Self.unknown(4), Self.ping(5),
        ])
        for cut in 0...text.utf8.count {
            let bench = SessionBench(ScriptedStore(readTime: time, commitTime: time))
            let peer = try bench.connect()
            let rest = String(text.dropFirst(cut))
            if isRestInFlush { peer.socket.arriving = [rest] }
            try peer.channel.writeInbound(ByteBuffer(string: String(text.prefix(cut))))
            bench.turn()
            bench.store.answerAll()
            // The answer is on its way, and not taken, when the rest comes.
            if isRestInFlush { peer.channel.flush() } else { try peer.channel.writeInbound(ByteBuffer(string: rest)) }
            bench.settle()
            #expect(try peer.ids() == Array(0..<6), "cut at \(cut)")
            #expect(peer.socket.depthMax <= 1)
            #expect(bench.shell.input.total == 0)
        }
    }

    /// A reply comes before the events that its request caused.
    @Test(arguments: [ScriptedStore.Time.atOnce, .whenTold])
    func eventsComeBehindTheReplyThatTheyBelongTo(_ time: ScriptedStore.Time) throws {
        let bench = SessionBench(ScriptedStore(readTime: time, commitTime: time))
        let peer = try bench.connect()
        let watch = #"{"op":"watch","id":0}"#
        try peer.send(watch, Self.submit(1), Self.unknown(2), Self.submit(3), Self.unknown(4), Self.ping(5))
        bench.settle()
        let lines = try peer.replies()
        #expect(lines.compactMap(SessionPeer.id) == Array(0..<6))
        for request in [1, 3] {
            let reply = try #require(lines.firstIndex { SessionPeer.id($0) == request })
            let task = try #require(lines[reply].split(separator: "\"").first { $0.hasPrefix("t") && $0.count == 13 })
            let event = try #require(lines.firstIndex { $0.hasPrefix(#"{"ev":"#) && $0.contains(task) })
            #expect(event > reply, "\(lines)")
        }
    }

    /// Nobody is there any more to be told.
    @Test func anAnswerOfTheStoreForOneThatHasGone() throws {
        let bench = SessionBench()
        let peer = try bench.connect()
        try peer.send(Self.unknown(0), Self.ping(1))
        peer.channel.close(promise: nil)
        let next = try bench.connect()
        bench.settle()
        #expect(try next.replies() == [])
        #expect(bench.shell.sessionCount == 1)
        #expect(bench.shell.input.total == 0)
    }

    // MARK: The end of a connection

    @Test func whoSendsNoMoreIsAnsweredBeforeTheEnd() throws {
        let bench = SessionBench()
        let peer = try bench.connect()
        try peer.send(Self.unknown(0), Self.ping(1), Self.unknown(2))
        peer.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        bench.turn()
        #expect(peer.channel.isActive)
        #expect(bench.store.askedCount == 1)
        bench.settle()
        #expect(try peer.ids() == [0, 1, 2])
        #expect(!peer.channel.isActive)
        #expect(bench.shell.sessionCount == 0)
    }

    @Test func whoDoesNotReadTheEndIsCutOff() throws {
        let bench = SessionBench { $0.limits.shutdownSeconds = 5 }
        let peer = try bench.connect()
        peer.socket.isFull = true
        try peer.send("GET / HTTP/1.1\r\n\r\n")
        bench.eventLoop.advanceTime(by: .seconds(4))
        #expect(peer.channel.isActive)
        bench.eventLoop.advanceTime(by: .seconds(1))
        #expect(!peer.channel.isActive)
        #expect(bench.shell.sessionCount == 0)
    }

    @Test func whoLeavesTooMuchUnreadIsCutOff() throws {
        let bench = SessionBench { $0.limits.unreadBytesMax = 10_000 }
        let peer = try bench.connect()
        peer.socket.isFull = true
        for id in 0..<200 where peer.channel.isActive {
            try peer.send(Self.ping(id))
            bench.turn()
        }
        #expect(!peer.channel.isActive)
        #expect(bench.shell.sessionCount == 0)
        #expect(bench.shell.unread.total == 0)
    }

    private static func tick(inSeconds seconds: Int64) -> Tick {
        var tick = Tick.current()
        tick.monotonic += seconds * 1_000
        return tick
    }

    @Test(arguments: ["", #"{"op":"#]) func whoFinishesNoLineIsSentAway(bytes: String) throws {
        let bench = SessionBench()
        let peer = try bench.connect()
        try peer.channel.writeInbound(ByteBuffer(string: bytes))
        peer.handler.session.sweep(now: Self.tick(inSeconds: 9))
        #expect(peer.channel.isActive)
        peer.handler.session.sweep(now: Self.tick(inSeconds: 10))
        bench.turn()
        let said = try peer.replies()
        #expect(said.count == 1 && said.first?.contains(#""code":"timeout""#) == true, "\(said)")
        #expect(!peer.channel.isActive)
        #expect(bench.shell.sessionCount == 0)
    }

    /// A connection may be gone before its TLS tells that it is open.
    @Test func aHandshakeThatIsToldOfAfterTheEndOpensNoSession() throws {
        let bench = SessionBench()
        let peer = try bench.connect(isBehindTLS: true)
        #expect(bench.shell.sessionCount == 0)
        peer.channel.pipeline.fireChannelInactive()
        peer.channel.pipeline.fireUserInboundEventTriggered(TLSHandshakeDone(version: "TLSv1.2", peerCertificate: nil))
        bench.turn()
        #expect(bench.shell.sessionCount == 0)
    }
}
