import Glibc
import TestSupport
import Testing

/// How the master's program starts, refuses to start, and ends.
@Suite(.timeLimit(.minutes(6))) struct MasterProgramTests {
    @Test(arguments: [SIGTERM, SIGINT])
    func goingDownIsSaidAndWhatWasReadIsAnswered(signal: Int32) async throws {
        try await onThread {
            let master = try MasterProcess()
            let peer = try Peer(master)
            let asked = 500
            let requests = (0..<asked).map { #"{"op":"ping","id":"p\#($0)"}"# + "\n" }.joined()
            try peer.connection.send(Array(requests.utf8))
            // The first reply proves that the master has begun to read.
            #expect(try Peer.line(peer.connection, "a reply")["re"]?.text == "p0")
            master.process.signal(signal)
            var answered = 1
            var isDrained = false
            while let bytes = try peer.connection.readLine(seconds: 30) {
                let line = try JSON(parsing: bytes)
                if line["ev"]?.text == "drain" {
                    isDrained = true
                    #expect(line["deadline_ms"]?.int != nil)
                } else {
                    #expect(line["re"]?.text == "p\(answered)")
                    answered += 1
                }
            }
            #expect(isDrained)
            #expect(master.process.wait(deadline: .after(seconds: 30)) == .exited(0), "\(master.process.output)")
        }
    }

    /// Arguments, environment, and a word of what is said.
    static let refusals: [([String], [String: String], String)] = [
        ([], ["STORE_TYPE": "bogus"], "bogus"),
        (["--listen", "0.0.0.0:0"], [:], "--insecure"),
        (["--http-listen", "[::]:0"], [:], "--insecure"),
        ([], ["PODLING_LISTEN": "0.0.0.0:0"], "--insecure"),
        (["--listen", "7070"], [:], "HOST:PORT"),
        (["--listen", "127.0.0.1:65536"], [:], "HOST:PORT"),
        (["--advertise", "podling://host:7070"], [:], "--advertise"), (["--advertise", "host:0"], [:], "--advertise"),
        (["--advertise", "a,b"], [:], "--advertise"), (["--advertise", "::1:x"], [:], "--advertise"),
        ([], ["PODLING_ADVERTISE": "0.0.0.0:7070"], "--advertise"),
        (["--lease", "1", "--heartbeat", "0.9"], [:], "--lease"),
        (["--lease", "nan"], [:], "--lease"),
        (["--connections-max", "0"], [:], "at least 1"),
        (["--no-such-option"], [:], "--no-such-option"),
    ]

    @Test(arguments: refusals)
    func whatCannotBeIsRefused(arguments: [String], environment: [String: String], word: String) async throws {
        let (ending, output) = try await onThread {
            let master = try ProgramProcess(
                ProductsDirectory.program("podling-master"),
                arguments,
                environment: environment
            )
            return (master.wait(deadline: .after(seconds: 30)), master.output)
        }
        #expect(ending == .exited(64))
        #expect(output.contains(word), "\(output)")
    }

    @Test(arguments: ["--listen", "--http-listen"])
    func anOccupiedPortIsSaid(option: String) async throws {
        let (ending, output, port) = try await onThread {
            let first = try MasterProcess()
            let other = option == "--listen" ? "--http-listen" : "--listen"
            let second = try ProgramProcess(
                ProductsDirectory.program("podling-master"),
                [option, first.address, other, "127.0.0.1:0"]
            )
            return (second.wait(deadline: .after(seconds: 30)), second.output, first.port)
        }
        #expect(ending == .exited(1), "\(output)")
        let what = option == "--listen" ? "listen" : "serve HTTP"
        let words = "cannot \(what) on 127.0.0.1:\(port): Address already in use; choose another with \(option)"
        #expect(output.contains(words), "\(output)")
    }

    @Test(arguments: ["host", "master-1.example.net:7070", "[2001:db8::1]", "[::1]:7070", "10.0.0.1"])
    func whatIsAnAddressMayBeAdvertised(address: String) async throws {
        try await onThread {
            let master = try MasterProcess(["--advertise", address])
            #expect(master.process.says("address=\(master.address)"), "\(master.process.output)")
            #expect(master.terminate() == .exited(0))
        }
    }
}
