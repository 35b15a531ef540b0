import COpenSSL
import Glibc
import TestSupport

/// One connection that asks as fast as it can, reads a part of the answers, and leaves. Not for two threads at once.
final class FloodPeer {
    /// `podling/1` with its length before it (RFC 7301).
    private static let applicationProtocols = [UInt8(9)] + Array("podling/1".utf8)
    private static let requests = Array(String(repeating: #"{"op":"ping"}"# + "\n", count: 5_000).utf8)
    private static let readBytesMax = 1 << 20

    private let socket: Int32
    private let tls: OpaquePointer?
    private let buffer = UnsafeMutableRawPointer.allocate(byteCount: readBytesMax, alignment: 16)

    init(_ master: MasterProcess, overTLS: Bool) throws {
        // SSL_write does not know MSG_NOSIGNAL.
        signal(SIGPIPE, SIG_IGN)
        socket = try LineConnection.connected(host: master.host, port: master.port)
        tls = overTLS ? Self.handshake(socket) : nil
        guard !overTLS || tls != nil else {
            throw TestSupportError("the TLS handshake failed: \(master.process.output.suffix(500))")
        }
        _ = fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK)
    }

    /// What the peer has not read makes the kernel say so by a reset.
    deinit {
        if let tls { SSL_free(tls) }
        close(socket)
        buffer.deallocate()
    }

    private static func handshake(_ socket: Int32) -> OpaquePointer? {
        guard let context = SSL_CTX_new(TLS_client_method()) else { return nil }
        defer { SSL_CTX_free(context) }
        podling_ctx_set_options(context)
        SSL_CTX_set_alpn_protos(context, applicationProtocols, UInt32(applicationProtocols.count))
        guard let tls = SSL_new(context) else { return nil }
        if SSL_set_fd(tls, socket) == 1, SSL_connect(tls) == 1 { return tls }
        SSL_free(tls)
        return nil
    }

    /// Asks and reads for so long, or until the master ends the connection.
    /// - Returns: bytes sent.
    func flood(seconds: Double) -> Int {
        let deadline = Deadline.after(seconds: seconds)
        // OpenSSL requires that a blocked write is retried with the same bytes.
        var sent = 0
        while !deadline.hasPassed {
            let wrote = Self.requests.withUnsafeBytes { bytes in
                if let tls { return Int(SSL_write(tls, bytes.baseAddress, Int32(bytes.count))) }
                return send(socket, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            }
            sent += max(0, wrote)
            let read =
                tls.map { Int(SSL_read($0, buffer, Int32(Self.readBytesMax))) }
                ?? recv(socket, buffer, Self.readBytesMax, 0)
            if read == 0 || tls == nil && read < 0 && errno == ECONNRESET { break }
        }
        return sent
    }
}
