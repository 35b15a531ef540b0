import Glibc
import TestSupport
import Testing

/// Plain text where there is TLS, and TLS where there is none: both ends get an error that says so.
@Suite(.timeLimit(.minutes(6))) struct WrongTransportTests {
    /// What a client that speaks without TLS might say first.
    static let plain = [#"{"op":"ping","id":1}"#, "GET / HTTP/1.1\r\n\r", "help", ""]

    @Test(arguments: plain)
    func plainTextOnATLSPort(line: String) async throws {
        let says = line.hasPrefix("{") ? "the client speaks Podling's protocol without TLS" : "does not speak TLS"
        let (answer, end, log) = try await onThread {
            let master = try MasterProcess(try TLSMaster.flags())
            let connection = try master.connect()
            try connection.send(line: line)
            return (
                try JSON(parsing: try connection.readLine() ?? []), try connection.readLine(),
                TLSMaster.log(master, with: says)
            )
        }
        #expect(answer["ev"]?.text == "error")
        #expect(answer["err"]?["code"]?.text == "tls_required")
        #expect(answer["err"]?["fatal"] == .bool(true))
        #expect(answer["err"]?["msg"]?.text?.contains("podlings://") == true, "\(answer)")
        #expect(end == nil)
        #expect(log.contains(says), "\(log)")
        #expect(log.contains("peer=127.0.0.1:"), "\(log)")
    }

    /// The server speaks first where there is no TLS: clients that wait for that get the message too.
    @Test func silenceOnATLSPort() async throws {
        let answer = try await onThread {
            let master = try MasterProcess(try TLSMaster.flags())
            return try withExtendedLifetime(master) {
                try JSON(parsing: try master.connect().readLine(seconds: 20) ?? [])
            }
        }
        #expect(answer["err"]?["code"]?.text == "tls_required")
    }

    @Test func tlsOnAPlainPort() async throws {
        let says = "TLS on a port that speaks without it: give the master --tls-cert and --tls-key"
        let (output, log) = try await onThread {
            let master = try MasterProcess()
            let output = try Tool.output(
                "openssl",
                ["s_client", "-connect", master.address, "-alpn", "podling/1", "-msg"],
                endsWith: .exited(1)
            )
            return (output, TLSMaster.log(master, with: says))
        }
        #expect(output.contains("wrong version number"), "\(output)")
        #expect(log.contains(says), "\(log)")
    }

    /// The kernel has the whole connection, from its beginning to its reset, before the master accepts it.
    @Test func whoIsGoneIsNamed() async throws {
        let (port, log) = try await onThread {
            let master = try MasterProcess(try TLSMaster.flags())
            try master.process.pause()
            let socket = try LineConnection.connected(host: master.host, port: master.port)
            var name = sockaddr_in()
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutablePointer(to: &name) {
                _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &size) }
            }
            let bytes = Array("GET / HTTP/1.1\r\n\r\n".utf8)
            _ = Glibc.send(socket, bytes, bytes.count, 0)
            var reset = linger(l_onoff: 1, l_linger: 0)
            setsockopt(socket, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size))
            close(socket)
            master.process.signal(SIGCONT)
            return (name.sin_port.bigEndian, TLSMaster.log(master, with: "does not speak TLS"))
        }
        #expect(log.contains("peer=127.0.0.1:\(port)"), "\(log)")
    }

    /// The line that it is sent, for whoever looks at the bytes.
    @Test func theBytesOnAPlainPortSayIt() async throws {
        let lines = try await onThread {
            let master = try MasterProcess()
            let connection = try master.connect()
            try connection.send([0x16, 0x03, 0x01, 0x00, 0x05, 0x01])
            return [try connection.readLine(), try connection.readLine(), try connection.readLine()]
        }
        let error = try JSON(parsing: lines[1] ?? [])["err"]
        #expect(error?["code"]?.text == "wrong_protocol")
        #expect(error?["msg"]?.text?.contains("these bytes are TLS") == true)
        #expect(lines[2] == nil)
    }

    /// A peer that closes its sending side without close_notify: complete lines were executed, the rest was not, and
    /// the connection is closed.
    private static let half = """
        import os, socket, ssl
        context = ssl.create_default_context(cafile=os.environ["CA"])
        context.set_alpn_protocols(["podling/1"])
        def opened():
            peer = context.wrap_socket(
                socket.create_connection((os.environ["HOST"], int(os.environ["PORT"])), 20), server_hostname="localhost",
                suppress_ragged_eofs=False)
            lines = peer.makefile("rb")
            lines.readline()
            return peer, lines
        def submit(name): return b'{"op":"submit","id":1,"name":"%s","image":"busybox"}' % name
        peer, lines = opened()
        peer.sendall(submit(b"whole") + b"\\n")
        assert b'"ok"' in lines.readline()
        peer.sendall(submit(b"partial"))
        socket.socket.shutdown(peer, socket.SHUT_WR)
        try: print("rest", lines.read())
        except (ssl.SSLError, ConnectionResetError) as error: print("ended")
        peer, lines = opened()
        peer.sendall(b'{"op":"list","id":2}\\n')
        answer = lines.readline()
        print(b"whole" in answer, b"partial" in answer)
        """

    @Test func aHalfClosedPeerIsClosed() async throws {
        let output = try await onThread {
            let master = try MasterProcess(try TLSMaster.flags())
            let workshop = try Workshop.shared.get()
            return try Tool.output(
                "python3",
                ["-c", Self.half],
                environment: ["HOST": master.host, "PORT": "\(master.port)", "CA": workshop.file("ca.pem")]
            )
        }
        #expect(output.hasSuffix("\nTrue False\n"), "\(output)")
    }
}
