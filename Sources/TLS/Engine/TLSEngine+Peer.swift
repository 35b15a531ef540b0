internal import COpenSSL

extension TLSEngine {
    /// The facts of the peer's certificate; nil where it has shown none. The context decides whether it was verified.
    package var peerCertificate: CertificateFacts? { SSL_get0_peer_certificate(ssl).map { CertificateFacts($0) } }

    /// The negotiated version: `TLSv1.3`.
    package var protocolVersion: String { String(cString: SSL_get_version(ssl)) }

    /// The negotiated cipher suite: `TLS_AES_256_GCM_SHA384`; nil before that.
    package var cipher: String? {
        SSL_get_current_cipher(ssl).flatMap { SSL_CIPHER_get_name($0) }.map { String(cString: $0) }
    }

    var chosenProtocol: String? {
        var (bytes, count): (UnsafePointer<UInt8>?, UInt32) = (nil, 0)
        SSL_get0_alpn_selected(ssl, &bytes, &count)
        guard bytes != nil else { return nil }
        return String(decoding: UnsafeBufferPointer(start: bytes, count: Int(count)), as: UTF8.self)
    }
}
