import NIOCore
import PodlingCore
import Testing

@testable import PodlingMaster
@testable import PodlingShell

@Suite struct SessionHandlerTests {
    private static func ping(_ id: Int) -> String { #"{"op":"ping","id":\#(id)}"# }
    private static func unknown(_ id: Int) -> String { #"{"op":"get","id":\#(id),"taskId":"nope"}"# }

    /// A write during which the socket hands over more lines, again and again.
    @Test func linesThatComeWhileRepliesAreSentWaitTheirTurn() throws {
        let bench = SessionBench()
        let peer = try bench.connect()
        peer.socket.arriving = (3..<9).map { Self.ping($0) + "\n" }
        try peer.send(Self.ping(1), Self.ping(2))
        bench.turn()
        #expect(try peer.ids() == Array(1..<9))
    }

    /// Requests that ask the store beside some that do not: the answers keep their order, also over several reads.
    @Test func repliesComeInTheOrderOfTheRequests() throws {
        let bench = SessionBench()
        let peer = try bench.connect()
        try peer.send(Self.unknown(0), Self.ping(1), Self.unknown(2))
        try peer.send(Self.ping(3), Self.unknown(4))
        try peer.send(Self.ping(5))
        var ids: [Int] = []
        for _ in 0..<3 {
            bench.turn()
            #expect(bench.store.askedCount <= 1)
            bench.store.answerAll()
        }
        bench.turn()
        ids += try peer.ids()
        #expect(ids == Array(0..<6))
    }

    /// An answer of the store whose reply fills a turn, which the socket takes at once and reports.
    @Test func aLargeTurnAfterAnAnswerOfTheStoreIsNoReentrance() throws {
        let bench = SessionBench()
        let peer = try bench.connect()
        let spec = #"{"name":"a","image":"b","env":{"A":"\#(String(repeating: "x", count: 200))"}}"#
        let specs = [String](repeating: spec, count: 20)
        try peer.send(#"{"op":"hello","proto":1,"role":"client"}"#)
        for _ in 0..<50 { try peer.send(#"{"op":"submit_many","tasks":[\#(specs.joined(separator: ","))]}"#) }
        bench.turn()
        _ = try peer.replies()
        peer.socket.arriving = [Self.ping(11) + "\n"]
        let lists = (1...8).map { #"{"op":"list","limit":1000,"id":\#($0)}"# }.joined(separator: "\n")
        try peer.send(Self.unknown(0), lists, Self.ping(9), Self.ping(10))
        bench.turn()
        bench.store.answerAll()
        for _ in 0..<10 { bench.turn() }
        #expect(try peer.ids() == Array(0..<12))
    }

    @Test func aSocketThatClosesWhileItIsWrittenToEndsItsSessionOnly() throws {
        let bench = SessionBench()
        let peer = try bench.connect()
        #expect(bench.shell.sessionCount == 1)
        peer.socket.closesNext = true
        peer.socket.arriving = [Self.ping(2) + "\n"]
        try peer.send(Self.ping(1))
        bench.turn()
        #expect(bench.shell.sessionCount == 0)
        #expect(bench.shell.unread.total == 0)
    }

    /// What one read brings is executed in pieces, and others are served between.
    @Test func aFloodIsTakenInPieces() throws {
        let bench = SessionBench()
        let peer = try bench.connect()
        try peer.send(#"{"op":"hello","proto":1,"role":"client"}"#)
        let specs = [String](repeating: #"{"name":"a","image":"b"}"#, count: 1_000).joined(separator: ",")
        for _ in 0..<10 { try peer.send(#"{"op":"submit_many","tasks":[\#(specs)]}"#) }
        bench.turn()
        _ = try peer.replies()
        let line = #"{"op":"list","labels":{"a":"b"}}"#
        let start = bench.shell.workDone
        try peer.send([String](repeating: line, count: 300).joined(separator: "\n"))
        let one = bench.shell.workDone - start
        #expect(one < 4 * MasterShell.sessionWorkMax, "\(one)")
        #expect(try peer.replies().count < 3)
        var count = 0
        for _ in 0..<1_000 where count < 300 {
            bench.turn()
            count += try peer.replies().count
        }
        #expect(count >= 297)
    }
}
