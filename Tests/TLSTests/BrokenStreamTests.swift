import NIOCore
import TestSupport
import Testing

@testable import PodlingTLS

/// Streams that are cut, changed, or never were TLS.
@Suite struct BrokenStreamTests {
    private let client: TLSContext
    private let server: TLSContext

    init() async throws {
        let workshop = try await onThread { try Workshop.shared.get() }
        client = try TLSContext(client: workshop.client())
        server = try TLSContext(server: workshop.server("good"))
    }

    private func opened() throws -> Wire {
        let wire = try Wire(client, server)
        try wire.handshake()
        return wire
    }

    @Test func cutInTheHandshake() throws {
        let wire = try Wire(client, server)
        try wire.client.start()
        wire.carryToServer()
        var flight = ByteBuffer()
        wire.server.takeCiphertext(into: &flight)
        wire.tellClient(Array(flight.readableBytesView.dropLast(10)))
        wire.endClient()
        #expect(wire.clientError?.kind == .truncated)
        #expect(wire.clientError?.description.contains("in the middle of the handshake") == true)
        wire.endServer()
        #expect(wire.serverError?.kind == .truncated)
    }

    @Test func endedBeforeAByte() throws {
        let wire = try Wire(client, server)
        try wire.client.start()
        wire.endClient()
        #expect(wire.clientError?.kind == .truncated)
        #expect(wire.clientError?.description.contains("without a byte of TLS") == true)
    }

    @Test func cutInARecord() throws {
        let wire = try opened()
        try wire.client.write("whole")
        wire.carry()
        try wire.client.write("never seen")
        var record = ByteBuffer()
        wire.client.takeCiphertext(into: &record)
        wire.tellServer(Array(record.readableBytesView.dropLast()))
        wire.endServer()
        #expect(wire.serverText == "whole")
        #expect(wire.serverError?.kind == .truncated)
        #expect(wire.serverError?.isRetryable == true)
    }

    @Test func changedRecord() throws {
        let wire = try opened()
        try wire.client.write("pay 1")
        var record = ByteBuffer()
        wire.client.takeCiphertext(into: &record)
        var bytes = Array(record.readableBytesView)
        bytes[bytes.count - 3] ^= 1
        wire.tellServer(bytes)
        #expect(wire.serverText.isEmpty)
        #expect(wire.serverError?.kind == .corrupt)
        #expect(wire.server.state == .failed)
        wire.carryToClient()
        #expect(wire.clientError?.kind == .alert(TLSAlert(20)))
        #expect(wire.clientError?.description.contains("the alert bad_record_mac: what arrived") == true)
    }

    @Test(arguments: [
        (#"{"op":"hello"}"# + "\n", "speaks Podling's protocol without TLS"),
        ("GET / HTTP/1.1\r\n\r\n", "does not speak TLS: what it sends begins with 'G'"),
        ("\0\0\0\0\0\0\0\0", "does not speak TLS: what it sends begins with byte 0"),
    ])
    func plaintext(bytes: String, says: String) throws {
        let wire = try Wire(client, server)
        try wire.client.start()
        wire.tellServer(Array(bytes.utf8))
        #expect(wire.serverError?.kind == .notTLS(Array(bytes.utf8)[0]))
        var answer = ByteBuffer()
        #expect(wire.server.takeCiphertext(into: &answer) == 0)
        #expect(wire.serverError?.description.contains("the client \(says)") == true)
        wire.tellClient(Array(bytes.utf8))
        #expect(wire.clientError?.kind == .notTLS(Array(bytes.utf8)[0]))
        #expect(wire.clientError?.description.contains("the server \(says)") == true)
    }

    @Test func rubbishInRecords() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let wire = try Wire(client, server)
            let count = Int.random(in: 1...300, using: &generator)
            let rubbish = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            wire.tellServer([22, 3, 1, UInt8(count >> 8), UInt8(count & 0xff)] + rubbish)
            wire.endServer()
            #expect(wire.server.state == .failed)
            #expect(wire.serverError != nil)
        }
    }

    /// Any byte of the first flights changed: no connection opens, and nothing traps.
    @Test func changedHandshake() throws {
        let wire = try Wire(client, server)
        try wire.client.start()
        var hello = ByteBuffer()
        wire.client.takeCiphertext(into: &hello)
        for index in 0..<hello.readableBytes {
            let wire = try Wire(client, server)
            try wire.client.start()
            var flight = ByteBuffer()
            wire.client.takeCiphertext(into: &flight)
            var bytes = Array(flight.readableBytesView)
            guard index < bytes.count else { break }
            bytes[index] ^= 0x55
            wire.tellServer(bytes)
            wire.carry()
            wire.endClient()
            wire.endServer()
            #expect(wire.client.state == .failed, "byte \(index)")
            #expect(wire.server.state == .failed, "byte \(index)")
        }
    }

    @Test func nothingIsReadAfterAnError() throws {
        let wire = try opened()
        wire.tellServer([23, 3, 3, 0, 1, 0])
        #expect(wire.server.state == .failed)
        try wire.client.write("later")
        var record = ByteBuffer()
        wire.client.takeCiphertext(into: &record)
        var heard = ByteBuffer()
        try wire.server.receive(Array(record.readableBytesView), plaintext: &heard)
        #expect(heard.readableBytes == 0)
        #expect(throws: TLSError.self) { try wire.server.write("more") }
    }
}
