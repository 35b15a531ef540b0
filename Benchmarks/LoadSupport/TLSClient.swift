import COpenSSL
import Glibc

/// The generator's side of TLS: OpenSSL straight on the socket, as a C program would have it.
public struct TLSClient {
    private static let handshakeMilliseconds: Int32 = 10_000
    /// `podling/1` with its length before it (RFC 7301).
    private static let applicationProtocols = [UInt8(9)] + Array("podling/1".utf8)

    private static let readBytes = 64 * 1024

    private let context: OpaquePointer

    /// - Parameter rootFile: PEM, with the CA that the server's certificate is of.
    public init(rootFile: String) throws(LoadFailure) {
        guard let context = SSL_CTX_new(TLS_client_method()) else { throw Self.failure("SSL_CTX_new") }
        self.context = context
        podling_ctx_set_options(context)
        guard podling_ctx_set_min_version(context, TLS1_3_VERSION) == 1,
            SSL_CTX_load_verify_locations(context, rootFile, nil) == 1,
            SSL_CTX_set_alpn_protos(context, Self.applicationProtocols, UInt32(Self.applicationProtocols.count)) == 0
        else { throw Self.failure(rootFile) }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    }

    /// A session on a connected socket, before its handshake; to be freed with `SSL_free`.
    public func session(_ descriptor: Int32) throws(LoadFailure) -> OpaquePointer {
        guard let ssl = SSL_new(context), SSL_set_fd(ssl, descriptor) == 1 else { throw Self.failure("SSL_new") }
        return ssl
    }

    /// A full handshake on a connected socket; the result is to be freed with `SSL_free`.
    public func handshake(_ descriptor: Int32) throws(LoadFailure) -> OpaquePointer {
        let ssl = try session(descriptor)
        while true {
            ERR_clear_error()
            let code = SSL_connect(ssl)
            if code == 1 {
                // Else each record is two calls of the kernel.
                SSL_set_read_ahead(ssl, 1)
                SSL_set_default_read_buffer_len(ssl, Self.readBytes)
                return ssl
            }
            var readable = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard SSL_get_error(ssl, code) == SSL_ERROR_WANT_READ,
                poll(&readable, 1, Self.handshakeMilliseconds) > 0
            else {
                SSL_free(ssl)
                throw Self.failure("the TLS handshake")
            }
        }
    }

    public static func failure(_ what: String) -> LoadFailure {
        var text = [CChar](repeating: 0, count: 256)
        ERR_error_string_n(ERR_get_error(), &text, text.count)
        return LoadFailure(
            "\(what): \(text.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" })"
        )
    }
}
