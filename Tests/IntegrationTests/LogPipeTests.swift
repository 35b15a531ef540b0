import Glibc
import TestSupport
import Testing

/// The reader of a program's log may stall: the program continues, and ends in time.
@Suite(.timeLimit(.minutes(5))) struct LogPipeTests {
    /// A named pipe that takes hardly anything, and is read by this process only when asked to.
    private final class Pipe: Sendable {
        /// F_SETPIPE_SZ of Linux, which Swift's Glibc leaves out.
        private static let setPipeSize: Int32 = 1_031

        let path: String
        private let descriptor: Int32

        init(_ path: String) throws {
            self.path = path
            guard mkfifo(path, 0o600) == 0 else { throw TestSupportError("mkfifo: errno \(errno)") }
            descriptor = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK)
            guard descriptor >= 0, fcntl(descriptor, Self.setPipeSize, 4_096) >= 0 else {
                throw TestSupportError("the pipe stays large: errno \(errno)")
            }
        }

        deinit { close(descriptor) }

        /// Fills it up.
        func fill() { while write(descriptor, "#", 1) == 1 {} }

        /// What is there now.
        func text() -> String {
            let bytes = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
                count = max(0, read(descriptor, buffer.baseAddress, buffer.count))
            }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    private static func master(_ pipe: Pipe) throws -> (process: ProgramProcess, port: UInt16) {
        let process = try ProgramProcess(
            "/bin/sh",
            ["-c", "exec \"$0\" \"$@\" 2>'\(pipe.path)'", ProductsDirectory.program("podling-master")]
                + ["--listen", "127.0.0.1:0", "--http-listen", "off", "--port-file", "$DIR/ports"]
        )
        let address = try process.readyValue("listen")
        guard let port = address.split(separator: ":").last.flatMap({ UInt16($0) }) else {
            throw TestSupportError("no port in \(address)")
        }
        return (process, port)
    }

    /// Each is a line of the log.
    private static func speakTLS(_ port: UInt16, times: Int) throws {
        for _ in 0..<times {
            let stranger = try LineConnection(host: "127.0.0.1", port: port)
            try stranger.send([0x16, 0x03, 0x01, 0x00, 0x05])
            while try stranger.readLine(seconds: 60) != nil {}
        }
    }

    @Test func aFullPipeHoldsUpNobody() async throws {
        try await onThread {
            let scratch = try Scratch()
            let pipe = try Pipe(scratch.file("log"))
            let (process, port) = try Self.master(pipe)
            pipe.fill()
            try Self.speakTLS(port, times: 60)
            let peer = try LineConnection(host: "127.0.0.1", port: port)
            _ = try Peer.line(peer, "the greeting")
            try peer.send(line: #"{"op":"ping","id":1}"#)
            #expect(try Peer.line(peer, "the pong")["re"] == .number(1))
            // Whoever reads on gets all of it.
            var text = ""
            let isThere = Deadline.after(seconds: 60).poll {
                text += pipe.text()
                return text.components(of: "TLS on a port that speaks without it") >= 20 ? true : nil
            }
            #expect(isThere == true, "\(text)")
            process.signal(SIGTERM)
            let isOver = Deadline.after(seconds: 60).poll {
                text += pipe.text()
                return text.contains("going down") ? true : nil
            }
            #expect(isOver == true, "\(text)")
            #expect(process.wait(deadline: .after(seconds: 60)) == .exited(0))
        }
    }

    @Test func itEndsThoughNobodyReadsItsLastWords() async throws {
        try await onThread {
            let scratch = try Scratch()
            let pipe = try Pipe(scratch.file("log"))
            let (process, port) = try Self.master(pipe)
            pipe.fill()
            try Self.speakTLS(port, times: 60)
            process.signal(SIGTERM)
            #expect(process.wait(deadline: .after(seconds: 60)) == .exited(0))
            withExtendedLifetime(pipe) {}
        }
    }
}

extension String {
    fileprivate func components(of part: String) -> Int { ranges(of: part).count }
}
