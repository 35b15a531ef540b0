import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// Peers that request too much: their cost is bounded, and others are served.
@Suite(.serialized, .timeLimit(.minutes(10))) struct PressureTests {
    /// Limit of the master's resident memory, of a debug build, too.
    private static let residentKiBMax = 150 << 10
    /// Time limit to serve another client, on a slow machine under load.
    private static let servedSeconds = 30.0

    /// Peak resident memory.
    private static func residentKiB(_ process: ProgramProcess) throws -> Int {
        let bytes = FileManager.default.contents(atPath: "/proc/\(process.processID)/status") ?? Data()
        let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        guard let fields = line?.split(whereSeparator: \.isWhitespace), fields.count > 1, let size = Int(fields[1])
        else {
            throw TestSupportError("no VmHWM of \(process.processID)")
        }
        return size
    }

    /// Connects, submits and asks back.
    private static func expectService(_ master: MasterProcess) throws {
        let start = ContinuousClock.now
        let peer = try Peer(master)
        _ = try peer.task(try peer.submit(#""name":"other","image":"busybox""#))
        let seconds = Double((ContinuousClock.now - start) / .milliseconds(1)) / 1_000
        #expect(seconds < servedSeconds, "others waited \(seconds) s")
    }

    @Test func tenThousandRequestsAreAnsweredInOrder() async throws {
        try await onThread {
            let master = try MasterProcess()
            let connection = try master.connect()
            _ = try Peer.line(connection, "the greeting")
            let count = 10_000
            let requests = (0..<count).map { #"{"op":"get","id":\#($0),"taskId":"t\#($0)"}"# + "\n" }.joined()
            try connection.send(Array(requests.utf8), seconds: 60)
            for id in 0..<count {
                let line = try connection.readLine(seconds: 60) ?? []
                guard line.starts(with: #"{"re":\#(id),"#.utf8) else {
                    throw TestSupportError("\(String(decoding: line, as: UTF8.self)) came instead of \(id)")
                }
            }
        }
    }

    /// Far more than `unreadBytesMax` is requested in one small write; a peer that reads gets all of it.
    @Test func manyLargeRepliesToOneWriteAllArrive() async throws {
        try await onThread {
            let master = try MasterProcess()
            let peer = try Peer(master)
            let label = String(repeating: "x", count: 200)
            for number in 0..<200 {
                _ = try peer.submit(#""name":"t-\#(number)","image":"busybox","labels":{"a":"\#(label)"}"#)
            }
            let connection = try master.connect()
            _ = try Peer.line(connection, "the greeting")
            let count = 300
            let requests = (0..<count).map { #"{"op":"list","id":\#($0),"limit":1000}"# + "\n" }.joined()
            try connection.send(Array(requests.utf8))
            var byteCount = 0
            for id in 0..<count {
                let line = try connection.readLine(seconds: 60)
                guard let line, line.starts(with: #"{"re":\#(id),"#.utf8) else {
                    throw TestSupportError("the connection ended, or another line came, instead of reply \(id)")
                }
                byteCount += line.count
            }
            #expect(byteCount > 16 << 20)
        }
    }

    @Test(arguments: ["ping", "list"])
    func aReaderThatNeverReadsIsBounded(op: String) async throws {
        try await onThread {
            let master = try MasterProcess()
            let peer = try Peer(master)
            let label = String(repeating: "x", count: 200)
            for number in 0..<100 {
                _ = try peer.submit(#""name":"t-\#(number)","image":"busybox","labels":{"a":"\#(label)"}"#)
            }
            let deaf = try master.connect()
            let chunk = Array(String(repeating: #"{"op":"\#(op)","id":1}"# + "\n", count: 1_000).utf8)
            // Tens of megabytes: more than the sockets' own buffers take.
            let chunksMax = 2_000
            var accepted = 0
            while accepted < chunksMax, (try? deaf.send(chunk, seconds: 1)) != nil {
                accepted += 1
                if accepted % 50 == 1 { try Self.expectService(master) }
            }
            try Self.expectService(master)
            #expect(try Self.residentKiB(master.process) < Self.residentKiBMax)
            #expect(accepted < chunksMax, "the master went on reading")
        }
    }

    @Test func aWatcherThatReadsLateMissesNothingThatIsKept() async throws {
        try await onThread {
            let master = try MasterProcess(["--retain-finished-count", "1000"])
            let deaf = try master.connect()
            try deaf.send(line: #"{"op":"watch","id":1}"#)
            for _ in 0..<2 { _ = try Peer.line(deaf, "the subscription") }
            let peer = try Peer(master)
            let rounds = 8
            let tasks = (0..<1_000).map { #"{"name":"t-\#($0)","image":"busybox"}"# }.joined(separator: ",")
            for _ in 0..<rounds {
                let taskIds = try peer.request("submit_many", "\"tasks\":[\(tasks)]")["taskIds"]?.elements ?? []
                let cancels = taskIds.compactMap(\.text).map { #"{"op":"cancel","taskId":"\#($0)"}"# + "\n" }.joined()
                try peer.connection.send(Array(cancels.utf8))
                for _ in taskIds { _ = try peer.connection.readLine(seconds: 60) }
            }
            try Self.expectService(master)
            #expect(try Self.residentKiB(master.process) < Self.residentKiBMax)
            var sequence = 0
            for _ in 0..<rounds * 2_000 {
                let event = try Peer.line(deaf, "a transition")
                let next = event["cursor"]?.text?.split(separator: ":").last.flatMap { Int($0) } ?? 0
                guard event["ev"]?.text == "task", sequence == 0 || next == sequence + 1 else {
                    throw TestSupportError("\(event) came after \(sequence)")
                }
                sequence = next
            }
        }
    }

    @Test func silentConnectionsAreClosedInTime() async throws {
        try await onThread {
            let count = 5_000
            let master = try MasterProcess(["--first-line-timeout", "5", "--connections-max", "5100"])
            let silent = try (0..<count).map { _ in try master.connect() }
            try Self.expectService(master)
            #expect(try Self.residentKiB(master.process) < Self.residentKiBMax)
            for connection in silent {
                #expect(try Peer.line(connection, "the greeting")["ev"]?.text == "hello")
                #expect(try Peer.line(connection, "the error")["err"]?["code"]?.text == "timeout")
                #expect(try connection.readLine() == nil)
            }
            try Self.expectService(master)
        }
    }

    @Test func oneConnectionTooManyIsRefused() async throws {
        try await onThread {
            let master = try MasterProcess(["--connections-max", "50"])
            var peers = try (0..<50).map { _ in try Peer(master) }
            let refused = try master.connect()
            let error = try Peer.line(refused, "a refusal")["err"]
            #expect(error?["code"]?.text == "overloaded")
            #expect(error?["fatal"] == .bool(true))
            #expect(error?["retry_after_ms"]?.int != nil)
            #expect(try refused.readLine() == nil)
            try peers[49].request("ping")
            peers.removeLast()
            let served = Deadline.after(seconds: 30).poll { try? Peer(master) }
            #expect(served != nil, "a place that became free is given away")
        }
    }
}
