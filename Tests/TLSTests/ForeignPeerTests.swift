import FoundationEssentials
import Glibc
import NIOCore
import TestSupport
import Testing

@testable import PodlingTLS

/// OpenSSL's own programs and Python's ssl on the other side of a socket.
@Suite struct ForeignPeerTests {
    private let workshop: Workshop

    init() async throws { workshop = try await onThread { try Workshop.shared.get() } }

    private func flag(_ version: TLSVersion) -> String { version == .tls12 ? "-tls1_2" : "-tls1_3" }

    private func serverContext() throws -> TLSContext {
        var server = workshop.server("good")
        server.clientCertificates = .require
        server.clientCAFile = workshop.file("ca.pem")
        return try TLSContext(server: server)
    }

    /// Serves one connection: greets, echoes one line, ends.
    private func serve(_ listener: Int32, _ context: TLSContext) throws -> CertificateFacts? {
        let peer = SocketPeer(try TLSEngine(server: context), socket: try SocketPeer.accept(listener))
        try peer.handshake()
        let facts = peer.engine.peerCertificate
        try peer.send("hello from podling\n")
        try peer.close()
        return facts
    }

    private func ending(of process: ProgramProcess) throws -> ProgramProcess.Ending {
        guard let ending = process.wait(deadline: .after(seconds: 20)) else {
            throw TestSupportError("it does not end: \(process.output)")
        }
        return ending
    }

    @Test(arguments: TLSVersion.allCases)
    func clientOfOpenSSL(version: TLSVersion) async throws {
        let context = try serverContext()
        try await onThread {
            let (listener, port) = try LineConnection.listen()
            defer { close(listener) }
            let process = try ProgramProcess(
                Workshop.program,
                [
                    "s_client", "-connect", "127.0.0.1:\(port)", flag(version), "-alpn", "podling/1", "-ign_eof",
                    "-CAfile", workshop.file("ca.pem"), "-verify_ip", "127.0.0.1", "-verify_return_error", "-cert",
                    workshop.file("worker.pem"), "-key", workshop.file("worker.key"),
                ]
            )
            let facts = try serve(listener, context)
            #expect(try ending(of: process) == .exited(0))
            #expect(facts?.names == [.uri("podling://node/w1")])
            for piece in [
                "hello from podling", "ALPN protocol: podling/1", "Verify return code: 0 (ok)",
                "New, \(version.rawValue)", "Compression: NONE",
            ] {
                #expect(process.output.contains(piece))
            }
        }
    }

    @Test func clientWithoutOurProtocolIsTold() async throws {
        let context = try TLSContext(server: workshop.server("good"))
        try await onThread {
            for protocols in [[], ["-alpn", "http/1.1,h2"]] {
                let (listener, port) = try LineConnection.listen()
                defer { close(listener) }
                let process = try ProgramProcess(
                    Workshop.program,
                    ["s_client", "-connect", "127.0.0.1:\(port)"] + protocols
                )
                let error = #expect(throws: TLSError.self) { try serve(listener, context) }
                #expect(error?.description == "the client does not speak podling/1 over TLS (ALPN)")
                #expect(try ending(of: process) == .exited(1))
                #expect(process.output.contains("SSL alert number 120"))
            }
        }
    }

    @Test(arguments: TLSVersion.allCases)
    func serverOfOpenSSL(version: TLSVersion) async throws {
        var client = workshop.client()
        client.certificateFile = workshop.file("worker.pem")
        client.keyFile = workshop.file("worker.key")
        let context = try TLSContext(client: client)
        try await onThread {
            let port = try LineConnection.freePort()
            let process = try server(port: port, ["-alpn", "podling/1", flag(version), "-Verify", "1"])
            defer { process.terminate() }
            let peer = SocketPeer(
                try TLSEngine(client: context, host: PeerName("127.0.0.1")),
                socket: try SocketPeer.connect(port: port)
            )
            try peer.handshake()
            #expect(peer.engine.protocolVersion == version.rawValue)
            #expect(peer.engine.peerCertificate?.subject == "CN=good")
            // It sends each line back to front.
            try peer.send("podling\n")
            try peer.run { _, heard in String(buffer: heard).contains("\n") }
            #expect(String(buffer: peer.heard) == "gnildop\n")
        }
    }

    @Test func serverWithoutOurProtocolIsRefused() async throws {
        let context = try TLSContext(client: workshop.client())
        try await onThread {
            let port = try LineConnection.freePort()
            let process = try server(port: port, [])
            defer { process.terminate() }
            let peer = SocketPeer(
                try TLSEngine(client: context, host: PeerName("localhost")),
                socket: try SocketPeer.connect(port: port)
            )
            let error = #expect(throws: TLSError.self) { try peer.handshake() }
            #expect(error?.kind == .handshake)
            #expect(error?.description.hasPrefix("the server does not speak podling/1 over TLS (ALPN). Give") == true)
        }
    }

    private func server(port: UInt16, _ arguments: [String]) throws -> ProgramProcess {
        try ProgramProcess(
            Workshop.program,
            [
                "s_server", "-accept", "127.0.0.1:\(port)", "-cert", workshop.file("good.pem"), "-key",
                workshop.file("good.key"), "-CAfile", workshop.file("ca.pem"), "-rev", "-quiet",
            ] + arguments
        )
    }

    @Test(arguments: TLSVersion.allCases)
    func clientOfPython(version: TLSVersion) async throws {
        let context = try serverContext()
        try await onThread {
            let (listener, port) = try LineConnection.listen()
            defer { close(listener) }
            let script = """
                import socket, ssl, sys
                context = ssl.create_default_context(cafile=sys.argv[1])
                context.load_cert_chain(sys.argv[2], sys.argv[3])
                context.set_alpn_protocols(["podling/1"])
                context.maximum_version = context.minimum_version = getattr(ssl.TLSVersion, sys.argv[4])
                plain = socket.create_connection(("127.0.0.1", int(sys.argv[5])), timeout=20)
                with context.wrap_socket(plain, server_hostname="localhost") as line:
                    heard = b""
                    while chunk := line.recv(4096):
                        heard += chunk
                    print(line.selected_alpn_protocol(), line.version(), line.session_reused, heard)
                    line.unwrap()
                """
            let process = try ProgramProcess(
                "/usr/bin/env",
                [
                    "python3", "-c", script, workshop.file("ca.pem"), workshop.file("worker.pem"),
                    workshop.file("worker.key"), version == .tls12 ? "TLSv1_2" : "TLSv1_3", "\(port)",
                ]
            )
            let facts = try serve(listener, context)
            #expect(facts?.subject == "CN=worker")
            #expect(try ending(of: process) == .exited(0))
            #expect(process.output == "podling/1 \(version.rawValue) False b'hello from podling\\n'\n")
        }
    }
}
