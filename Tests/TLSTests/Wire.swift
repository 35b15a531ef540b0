import NIOCore
import PodlingTLS

/// A TLS client and a server, and the bytes between them.
final class Wire {
    /// How many of the bytes in transit arrive at once.
    enum Slicing: Sendable, CaseIterable {
        case whole
        case single
        case random

        func count(of bytes: Int, _ generator: inout SystemRandomNumberGenerator) -> Int {
            switch self {
            case .whole: bytes
            case .single: 1
            case .random: Int.random(in: 1...bytes, using: &generator)
            }
        }
    }

    var client: TLSEngine
    var server: TLSEngine
    let slicing: Slicing
    private(set) var clientError: TLSError?
    private(set) var serverError: TLSError?
    private(set) var clientHeard = ByteBuffer()
    private(set) var serverHeard = ByteBuffer()
    private var generator = SystemRandomNumberGenerator()

    init(_ client: TLSContext, _ server: TLSContext, host: String = "localhost", slicing: Slicing = .whole) throws {
        self.client = try TLSEngine(client: client, host: PeerName(host))
        self.server = try TLSEngine(server: server)
        self.slicing = slicing
    }

    func handshake() throws {
        try client.start()
        carry()
    }

    /// Exchanges bytes until neither side has any left.
    func carry() {
        while carryToServer() + carryToClient() > 0 {}
    }

    @discardableResult
    func carryToServer() -> Int {
        var bytes = ByteBuffer()
        client.takeCiphertext(into: &bytes)
        let count = bytes.readableBytes
        while serverError == nil, let slice = next(of: &bytes) { tellServer(slice) }
        return count
    }

    @discardableResult
    func carryToClient() -> Int {
        var bytes = ByteBuffer()
        server.takeCiphertext(into: &bytes)
        let count = bytes.readableBytes
        while clientError == nil, let slice = next(of: &bytes) { tellClient(slice) }
        return count
    }

    private func next(of bytes: inout ByteBuffer) -> [UInt8]? {
        guard bytes.readableBytes > 0 else { return nil }
        return bytes.readBytes(length: slicing.count(of: bytes.readableBytes, &generator))
    }

    func tellServer(_ bytes: [UInt8]) {
        do throws(TLSError) {
            try server.receive(bytes, plaintext: &serverHeard)
        } catch {
            serverError = error
        }
    }

    func tellClient(_ bytes: [UInt8]) {
        do throws(TLSError) {
            try client.receive(bytes, plaintext: &clientHeard)
        } catch {
            clientError = error
        }
    }

    func endClient() {
        do throws(TLSError) {
            try client.receiveEnd(plaintext: &clientHeard)
        } catch {
            clientError = error
        }
    }

    func endServer() {
        do throws(TLSError) {
            try server.receiveEnd(plaintext: &serverHeard)
        } catch {
            serverError = error
        }
    }

    var clientText: String { String(buffer: clientHeard) }
    var serverText: String { String(buffer: serverHeard) }
}

extension TLSEngine {
    mutating func receive(_ bytes: [UInt8], plaintext: inout ByteBuffer) throws(TLSError) {
        try receive(ByteBuffer(bytes: bytes), plaintext: &plaintext)
    }

    mutating func write(_ text: String) throws(TLSError) { try write(ByteBuffer(string: text)) }
}
