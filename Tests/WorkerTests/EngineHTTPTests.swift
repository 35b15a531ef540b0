import NIOCore
import NIOHTTP1
import PodlingAgent
import Testing

@testable import PodlingWorker

/// The engine's answers are an engine's, and a broken or hostile one must cost no more than an error.
@Suite(.timeLimit(.minutes(5))) struct EngineHTTPTests {
    private static let ok = "HTTP/1.1 200 OK\r\n"
    private static let endless = ok + "Transfer-Encoding: chunked\r\n\r\n"
    private static let interim = "HTTP/1.1 100 Continue\r\n\r\n"
    private static let chunk = "1000\r\n" + String(repeating: "x", count: 0x1000) + "\r\n"

    static let broken: [(HostileEngine.Behaviour, String)] = [
        (.closes(""), "closed the connection"),
        (.closes("HTTP/1.1 200"), "speak HTTP"),
        (.closes(ok + "Content-Length: 5\r\n\r\nhe"), "speak HTTP"),
        (.closes(endless + "5\r\nhello\r\n"), "speak HTTP"),
        (.holds("nonsense\r\n\r\n"), "speak HTTP"),
        (.holds("\u{16}\u{3}\u{1}\u{0}\u{0}"), "speak HTTP"),
        (.holds("HTTP/2.0 200 OK\r\n\r\n"), "speak HTTP"),
        (.holds("HTTP/1.1 20000 OK\r\n\r\n"), "speak HTTP"),
        (.holds(ok + ": no name\r\n\r\n"), "speak HTTP"),
        (.holds(ok + "Content-Length: -1\r\n\r\n"), "speak HTTP"),
        (.holds(ok + "Content-Length: 99999999999999999999\r\n\r\n"), "speak HTTP"),
        (.holds(ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nx"), "speak HTTP"),
        (.holds(ok + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx"), "speak HTTP"),
        (.holds(endless + "no number\r\n"), "speak HTTP"),
        (.holds(endless + "fffffffffffffffff\r\n"), "speak HTTP"),
        (.holds(ok + "X: " + String(repeating: "x", count: 20_000)), "speak HTTP"),
        (.repeats(ok, "X: " + String(repeating: "x", count: 900) + "\r\n"), "speak HTTP"),
        (.repeats(ok, "X: x\r\n"), "speak HTTP"),
        (.repeats(ok + "X: ", "xxxx"), "speak HTTP"),
        (.repeats(endless + "0\r\n", "X: x\r\n"), "speak HTTP"),
        (.repeats(interim, interim), "interim"),
        (.holds(String(repeating: interim, count: 17) + ok + "\r\n"), "interim"),
        (.holds("HTTP/1.1 101 Switching Protocols\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\nx"), "switched"),
        (.holds(ok + "Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), "speak HTTP"),
        (.holds(ok + "Content-Length: 2\r\n\r\nok and more"), "speak HTTP"),
        (.holds(ok + "Connection: keep-alive\r\nContent-Length: 0\r\n\r\nx"), "speak HTTP"),
        (.repeats(endless, chunk), "longer than 100000 bytes"),
        (.repeats(ok + "\r\n", "x"), "longer than 100000 bytes"),
        (.holds(ok + "Content-Length: 9223372036854775807\r\n\r\n" + String(repeating: "x", count: 100_001)), "longer"),
    ]

    @Test(arguments: broken.indices) func aBrokenAnswerIsAnError(row: Int) async throws {
        let (behaviour, words) = Self.broken[row]
        let engine = HostileEngine(behaviour)
        try await engine.run(bodyBytesMax: 100_000) { http in
            let error = await #expect(throws: RuntimeError.self) {
                try await http.call(.GET, "/x", deadlineSeconds: 30)
            }
            #expect(error?.kind == .engineUnavailable, "\(String(describing: error))")
            #expect(error?.message.contains(words) == true, "\(String(describing: error))")
            #expect(error?.message.contains(http.socketPath) == true)
            await engine.allAreClosed()
        }
    }

    static let whole: [(HostileEngine.Behaviour, Int, String)] = [
        (.holds(ok + "Content-Length: 2\r\n\r\nok"), 200, "ok"),
        (.drips(ok + "Content-Length: 2\r\n\r\nok"), 200, "ok"),
        (.drips(endless + "2;ext=1\r\nok\r\n0\r\nTrailer: x\r\n\r\n"), 200, "ok"),
        (.closes(ok + "\r\nup to the end"), 200, "up to the end"),
        (.closes("HTTP/1.0 404 Not Found\r\n\r\nno"), 404, "no"),
        (.holds("HTTP/1.1 204 No Content\r\n\r\n"), 204, ""),
        (.holds("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"), 304, ""),
        (.holds(String(repeating: interim, count: 16) + ok + "Content-Length: 2\r\n\r\nok"), 200, "ok"),
        (.holds("HTTP/1.1 999 Whatever\r\nContent-Length: 0\r\n\r\n"), 999, ""),
    ]

    @Test(arguments: whole.indices) func aWholeAnswerIsTaken(row: Int) async throws {
        let (behaviour, status, text) = Self.whole[row]
        let engine = HostileEngine(behaviour)
        try await engine.run { http in
            let reply = try await http.call(.POST, "/x", json: ByteBuffer(string: "{}"), deadlineSeconds: 30)
            #expect(reply.status == status)
            #expect(String(buffer: reply.body) == text)
            await engine.allAreClosed()
        }
    }

    @Test func silenceEndsAtTheDeadline() async throws {
        for bytes in ["", "HTTP/1.1 ", Self.endless + "5\r\nhe"] {
            let engine = HostileEngine(.holds(bytes))
            try await engine.run { http in
                let error = await #expect(throws: RuntimeError.self) {
                    try await http.call(.GET, "/x", deadlineSeconds: 0.1)
                }
                #expect(error?.kind == .timeout)
                await engine.allAreClosed()
            }
        }
    }

    @Test func moreIsReadOnlyForWhoeverAsks() async throws {
        let pieceBytesMax = 1 << 20
        let engine = HostileEngine(.repeats(Self.endless, Self.chunk))
        try await engine.run { http in
            var response: EngineHTTP.Response? = try await http.open(.GET, "/x", query: [], headSeconds: 30)
            var iterator = response?.body.makeAsyncIterator()
            var read = 0
            for _ in 0..<100 {
                let piece = try #require(try await iterator?.next())
                #expect((1...pieceBytesMax).contains(piece.readableBytes))
                read += piece.readableBytes
            }
            // What both ends of a unix socket hold, and one turn of the reader.
            #expect(try await Self.settled(engine) - read < 4 * pieceBytesMax)
            #expect(try await iterator?.next() != nil)
            (iterator, response) = (nil, nil)
            await engine.allAreClosed()
        }
    }

    /// What was written, once no more is taken.
    private static func settled(_ engine: HostileEngine) async throws -> Int {
        var last = -1
        while engine.written != last {
            last = engine.written
            try await Task.sleep(for: .milliseconds(200))
        }
        return last
    }

    @Test func whoLeavesClosesTheConnection() async throws {
        let engine = HostileEngine(.holds(Self.endless + "1\r\nx\r\n"))
        try await engine.run { http in
            let (pieces, arrived) = AsyncStream.makeStream(of: Void.self)
            let reader = Task {
                let response = try await http.open(.GET, "/x", query: [], headSeconds: 30)
                for try await _ in response.body { arrived.yield() }
            }
            await pieces.first { true }
            reader.cancel()
            await #expect(throws: CancellationError.self) { try await reader.value }
            await engine.allAreClosed()
        }
    }

    /// Sixteen calls that hang take no place from a wait, and those behind them give up in time.
    @Test func lanesAreBoundedAndApart() async throws {
        let engine = HostileEngine(.holds(""))
        try await engine.run { http in
            await withTaskGroup(of: RuntimeError.Kind?.self) { group in
                for _ in 0..<40 {
                    group.addTask {
                        await #expect(throws: RuntimeError.self) {
                            try await http.call(.GET, "/x", deadlineSeconds: 1)
                        }?.kind
                    }
                }
                group.addTask {
                    await #expect(throws: RuntimeError.self) {
                        try await http.call(.GET, "/x", lane: .long, deadlineSeconds: 0.1)
                    }?.kind
                }
                for await kind in group {
                    #expect(kind == .timeout)
                    #expect(http.connectionCount <= EngineHTTP.shortConnectionsMax + 1)
                }
            }
            await engine.allAreClosed()
        }
    }

    @Test func whoWaitsForAPlaceGetsIt() async throws {
        let engine = HostileEngine(.holds(Self.ok + "Content-Length: 2\r\n\r\nok"))
        try await engine.run { http in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<500 {
                    group.addTask { try await http.call(.GET, "/x", deadlineSeconds: 30).status }
                }
                for try await status in group { #expect(status == 200) }
            }
            await engine.allAreClosed()
        }
    }

    @Test func aShutDownEndsWhatIsOpenAndWhatWaits() async throws {
        let engine = HostileEngine(.holds(Self.endless + "1\r\nx\r\n"))
        try await engine.run { http in
            let response = try await http.open(.GET, "/x", query: [], headSeconds: 30)
            await withTaskGroup(of: RuntimeError?.self) { group in
                for _ in 0..<40 {
                    group.addTask {
                        await #expect(throws: RuntimeError.self) {
                            try await http.call(.GET, "/x", deadlineSeconds: 30)
                        }
                    }
                }
                while http.connectionCount <= EngineHTTP.shortConnectionsMax { await Task.yield() }
                await http.shutdown()
                for await error in group { #expect(error?.kind == .engineUnavailable) }
            }
            await #expect(throws: RuntimeError.self) { for try await _ in response.body {} }
            let late = await #expect(throws: RuntimeError.self) { try await http.call(.GET, "/x", deadlineSeconds: 30) }
            #expect(late?.message.contains("shut down") == true)
            #expect(http.connectionCount == 0)
        }
    }

    @Test(arguments: ["/nonexistent/x.sock", "/dev/null", "/" + String(repeating: "x", count: 200)])
    func noEngine(path: String) async {
        let http = EngineHTTP(socketPath: path)
        let error = await #expect(throws: RuntimeError.self) { try await http.call(.GET, "/x", deadlineSeconds: 30) }
        #expect(error?.kind == .engineUnavailable)
        #expect(http.connectionCount == 0)
        await http.shutdown()
    }

    @Test(arguments: ["/x\r\nHost: other", "/a b", "/é", "/\u{0}"]) func aPathIsOneWord(path: String) async throws {
        let engine = HostileEngine(.holds(""))
        try await engine.run { http in
            let error = await #expect(throws: RuntimeError.self) {
                try await http.call(.GET, path, deadlineSeconds: 30)
            }
            #expect(error?.kind == .invalidSpec)
        }
    }
}
