import NIOCore
import TestSupport
import Testing

@testable import PodlingTLS

@Suite struct EngineTests {
    private let workshop: Workshop

    init() async throws { workshop = try await onThread { try Workshop.shared.get() } }

    private func wire(
        _ version: TLSVersion = .tls13,
        slicing: Wire.Slicing = .whole
    ) throws -> Wire {
        var server = workshop.server("good")
        server.minimumVersion = version
        let context = try TLSContext(server: server)
        if version == .tls12 { context.allowOnlyTLS12() }
        return try Wire(try TLSContext(client: workshop.client()), context, slicing: slicing)
    }

    @Test(arguments: TLSVersion.allCases, Wire.Slicing.allCases)
    func speaks(version: TLSVersion, slicing: Wire.Slicing) throws {
        let wire = try wire(version, slicing: slicing)
        try wire.handshake()
        #expect(wire.clientError == nil)
        #expect(wire.serverError == nil)
        #expect(wire.client.state == .open)
        #expect(wire.server.state == .open)
        #expect(wire.client.protocolVersion == version.rawValue)
        // More than one record.
        let long = String(repeating: "0123456789", count: 5_000)
        try wire.client.write("ask")
        try wire.server.write(long)
        wire.carry()
        #expect(wire.serverText == "ask")
        #expect(wire.clientText == long)
        wire.client.close()
        wire.carry()
        #expect(wire.server.state == .closed)
        #expect(wire.client.state == .closed)
        wire.endClient()
        wire.endServer()
        #expect(wire.clientError == nil)
        #expect(wire.serverError == nil)
    }

    @Test(arguments: TLSVersion.allCases)
    func truncationIsAnError(version: TLSVersion) throws {
        let wire = try wire(version)
        try wire.handshake()
        try wire.server.write("half")
        wire.carry()
        wire.endClient()
        #expect(wire.clientText == "half")
        #expect(wire.clientError?.kind == .truncated)
        #expect(wire.clientError?.description.contains("without the server's close_notify") == true)
        #expect(wire.client.state == .failed)
    }

    @Test func keysAreRenewed() throws {
        let wire = try wire(slicing: .random)
        try wire.handshake()
        for round in 0..<20 {
            try wire.client.renewKeys()
            try wire.client.write("c\(round) ")
            wire.carry()
            if round % 3 == 0 { try wire.server.renewKeys() }
            try wire.server.write("s\(round) ")
            wire.carry()
        }
        #expect(wire.clientError == nil)
        #expect(wire.serverError == nil)
        #expect(wire.serverText == (0..<20).map { "c\($0) " }.joined())
        #expect(wire.clientText == (0..<20).map { "s\($0) " }.joined())
    }

    /// The answer to a key update goes out before the next data (RFC 8446, section 4.6.3).
    @Test func keyUpdateIsAnsweredBeforeData() throws {
        let wire = try wire()
        try wire.handshake()
        try wire.client.renewKeys()
        wire.carryToServer()
        try wire.server.write("data")
        var bytes = ByteBuffer()
        wire.server.takeCiphertext(into: &bytes)
        wire.tellClient(Array(bytes.readableBytesView))
        var records = 0
        while let head = bytes.readBytes(length: 5), bytes.readBytes(length: Int(head[3]) << 8 | Int(head[4])) != nil {
            records += 1
        }
        #expect(records == 2)
        #expect(wire.clientText == "data")
    }

    /// Data that the peer still sent when it received the close_notify arrives.
    @Test(arguments: TLSVersion.allCases)
    func closingStillHears(version: TLSVersion) throws {
        let wire = try wire(version)
        try wire.handshake()
        wire.client.close()
        wire.client.close()
        #expect(wire.client.state == .closing)
        #expect(throws: TLSError.self) { try wire.client.write("too late") }
        try wire.server.write("last words")
        wire.carryToClient()
        #expect(wire.clientText == "last words")
        #expect(wire.client.state == .closing)
        wire.carryToServer()
        #expect(wire.server.state == .closed)
        #expect(throws: TLSError.self) { try wire.server.write("more") }
        wire.carryToClient()
        #expect(wire.client.state == .closed)
        #expect(wire.clientError == nil)
    }

    @Test(arguments: TLSVersion.allCases)
    func endWhileClosingIsTruncation(version: TLSVersion) throws {
        let wire = try wire(version)
        try wire.handshake()
        wire.client.close()
        wire.endClient()
        #expect(wire.clientError?.kind == .truncated)
    }

    /// No ticket follows the handshake, so nothing can be resumed.
    @Test(arguments: TLSVersion.allCases)
    func noTickets(version: TLSVersion) throws {
        let wire = try wire(version)
        try wire.client.start()
        wire.carryToServer()
        wire.carryToClient()
        wire.carryToServer()
        #expect(wire.server.state == .open)
        let count = wire.carryToClient()
        // TLS 1.2 ends with the server's ChangeCipherSpec and Finished.
        #expect(version == .tls13 ? count == 0 : count < 60)
    }

    @Test func versionsThatDoNotMeet() throws {
        var client = workshop.client()
        client.minimumVersion = .tls13
        let server = try TLSContext(server: workshop.server("good"))
        server.allowOnlyTLS12()
        let wire = try Wire(try TLSContext(client: client), server)
        try wire.handshake()
        #expect(wire.serverError?.description.contains("speaks no version of TLS that this side allows") == true)
        #expect(wire.clientError?.kind == .alert(TLSAlert(70)))
        #expect(
            wire.clientError?.description.contains("the alert protocol_version: the peer speaks no version") == true
        )
    }

    @Test func nothingIsSaidBeforeTheHandshake() throws {
        let wire = try wire()
        #expect(throws: TLSError.self) { try wire.client.write("early") }
        try wire.client.start()
        #expect(throws: TLSError.self) { try wire.client.write("early") }
        wire.client.close()
        #expect(wire.client.state == .failed)
    }

    /// OpenSSL keeps errors by thread: those of another call do not end this connection.
    @Test func errorsOfOthersAreNotItsOwn() throws {
        var wrong = workshop.server("good")
        wrong.keyFile = workshop.file("foreign.key")
        let wire = try wire(slicing: .single)
        #expect(throws: TLSError.self) { _ = try TLSContext(server: wrong) }
        try wire.client.start()
        #expect(throws: TLSError.self) { _ = try TLSContext(server: wrong) }
        wire.carry()
        #expect(throws: TLSError.self) { _ = try TLSContext(server: wrong) }
        try wire.server.write("still here")
        wire.carry()
        #expect(wire.clientText == "still here")
        #expect(wire.clientError == nil)
        #expect(wire.serverError == nil)
    }

    @Test func contextOfTheOtherSide() throws {
        let server = try TLSContext(server: workshop.server("good"))
        #expect(throws: TLSError.self) { _ = try Wire(server, server) }
    }

    @Test func serverNameIsSentUnlessItIsNotWanted() throws {
        for (sends, host, isSeen) in [
            (true, "localhost", true), (false, "localhost", false), (true, "127.0.0.1", false),
        ] {
            var client = workshop.client()
            client.sendsServerName = sends
            var engine = try TLSEngine(client: try TLSContext(client: client), host: PeerName(host))
            try engine.start()
            var hello = ByteBuffer()
            engine.takeCiphertext(into: &hello)
            #expect(String(decoding: hello.readableBytesView, as: UTF8.self).contains(host) == isSeen)
        }
    }
}
