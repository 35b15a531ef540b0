import Glibc
import NIOCore
import PodlingTLS
import TestSupport

/// An engine on a blocking loopback socket; every wait has a deadline. Not thread-safe.
final class SocketPeer {
    private static let waitSeconds = 20.0

    var engine: TLSEngine
    private(set) var heard = ByteBuffer()
    private let socket: Int32

    /// Takes over the socket.
    init(_ engine: consuming TLSEngine, socket: Int32) {
        self.engine = engine
        self.socket = socket
    }

    deinit { Glibc.close(socket) }

    /// The next connection to a listening socket.
    static func accept(_ listener: Int32) throws -> Int32 {
        try wait(listener, for: POLLIN)
        let socket = LineConnection.accept(on: listener)
        guard socket >= 0 else { throw TestSupportError("accept: error \(errno)") }
        return socket
    }

    /// Retries until someone listens there.
    static func connect(port: UInt16) throws -> Int32 {
        let socket = Deadline.after(seconds: waitSeconds).poll {
            try? LineConnection.connected(host: "127.0.0.1", port: port)
        }
        guard let socket else { throw TestSupportError("nobody listens on port \(port)") }
        return socket
    }

    private static func wait(_ descriptor: Int32, for event: Int32) throws {
        var one = pollfd(fd: descriptor, events: Int16(event), revents: 0)
        let code = poll(&one, 1, Deadline.after(seconds: waitSeconds).millisecondsLeft)
        guard code > 0 else { throw TestSupportError("the peer is silent") }
    }

    /// Sends and receives until the condition holds, or the connection has ended; sends alerts before it throws.
    func run(until isEnough: (borrowing TLSEngine, ByteBuffer) -> Bool) throws {
        do {
            while !isEnough(engine, heard), engine.state != .closed {
                try flush()
                try Self.wait(socket, for: POLLIN)
                var chunk = [UInt8](repeating: 0, count: 16_384)
                let count = recv(socket, &chunk, chunk.count, 0)
                guard count > 0 else { return try engine.receiveEnd(plaintext: &heard) }
                try engine.receive(Array(chunk.prefix(count)), plaintext: &heard)
            }
            try flush()
        } catch {
            try? flush()
            throw error
        }
    }

    func handshake() throws {
        try engine.start()
        try run { engine, _ in engine.state != .handshaking }
    }

    func send(_ text: String) throws {
        try engine.write(text)
        try flush()
    }

    /// Sends close_notify, and waits for the peer's.
    func close() throws {
        engine.close()
        try run { _, _ in false }
    }

    private func flush() throws {
        var bytes = ByteBuffer()
        engine.takeCiphertext(into: &bytes)
        var rest = Array(bytes.readableBytesView)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw TestSupportError("send: error \(errno)") }
            rest = rest.dropFirst(count)
        }
    }
}
