internal import COpenSSL
import Glibc

/// The state that all connections of one side share: certificate, key, trusted CAs, versions. The initializers validate
/// all of it, so that errors appear at start and not at the first connection.
///
/// Thread-safe: the handle does not change after `init`, and OpenSSL counts its references atomically
/// (openssl-threads(7)).
package final class TLSContext: Sendable {
    enum Side: Sendable, Equatable {
        case client(TLSMode, sendsServerName: Bool)
        case server(TLSClientCertificates)
    }

    nonisolated(unsafe) let handle: OpaquePointer
    let side: Side
    let applicationProtocol: ApplicationProtocol
    /// This side's own certificate; nil where it has none.
    package let certificate: CertificateFacts?
    /// The earliest expiry of a server's revocation lists: from then on no client of that CA is admitted. Unix time in
    /// seconds.
    package let revocationEnd: Int?
    /// The CA certificates of `--tls-client-ca`.
    package let clientAuthorities: [CertificateFacts]

    /// - Parameter now: Unix time in seconds, to check the dates of this side's own certificate; nil is the present.
    /// - Throws: `TLSError` of kind `configuration` that names the setting, the file and the remedy.
    package convenience init(
        client: TLSClientConfiguration,
        speaking applicationProtocol: ApplicationProtocol = .podling,
        now: Int? = nil
    ) throws(TLSError) {
        guard client.mode != .disable else {
            throw .configuration("sslmode: disable means that there is no TLS", cure: "Connect without it.")
        }
        let handle = try Self.makeHandle(TLS_client_method(), client.minimumVersion, "ssl_min_protocol_version")
        let own: CertificateFacts?
        do {
            try Self.offerProtocol(applicationProtocol, handle)
            own = try Self.useIdentity(of: client, in: handle, now: now ?? time(nil))
            try Self.useRoots(of: client, in: handle)
        } catch {
            SSL_CTX_free(handle)
            throw error
        }
        let side = Side.client(client.mode, sendsServerName: client.sendsServerName)
        self.init(owning: handle, side, applicationProtocol, own, nil, [])
    }

    /// - Parameters:
    ///   - isAnyDateGood: accepts a certificate of this side that has expired, or is not valid yet.
    ///   - now: Unix time in seconds, to check the dates of this side's own certificate; nil is the present.
    /// - Throws: `TLSError` of kind `configuration` that names the setting, the file and the remedy.
    package convenience init(
        server: TLSServerConfiguration,
        speaking applicationProtocol: ApplicationProtocol = .podling,
        isAnyDateGood: Bool = false,
        now: Int? = nil
    ) throws(TLSError) {
        let handle = try Self.makeHandle(TLS_server_method(), server.minimumVersion, "--tls-min-version")
        let (own, authorities, revocationEnd): (CertificateFacts, [CertificateFacts], Int?)
        do {
            let files = IdentityFiles(
                certificate: PEMSource("--tls-cert", server.certificateFile),
                key: PEMSource("--tls-key", server.keyFile),
                isServer: true
            )
            own = try files.use(in: handle, now: isAnyDateGood ? nil : now ?? time(nil))
            (authorities, revocationEnd) = try Self.useClientCAs(of: server, in: handle)
        } catch {
            SSL_CTX_free(handle)
            throw error
        }
        Self.chooseProtocol(applicationProtocol, handle)
        // NO_TICKET alone leaves the stateful tickets of TLS 1.3, which name a session in the server's memory.
        SSL_CTX_set_num_tickets(handle, 0)
        self.init(
            owning: handle,
            .server(server.clientCertificates),
            applicationProtocol,
            own,
            revocationEnd,
            authorities
        )
    }

    private init(
        owning handle: OpaquePointer,
        _ side: Side,
        _ applicationProtocol: ApplicationProtocol,
        _ certificate: CertificateFacts?,
        _ revocationEnd: Int?,
        _ clientAuthorities: [CertificateFacts]
    ) {
        self.handle = handle
        self.side = side
        self.applicationProtocol = applicationProtocol
        self.certificate = certificate
        self.revocationEnd = revocationEnd
        self.clientAuthorities = clientAuthorities
    }

    deinit { SSL_CTX_free(handle) }

    /// Cipher suites for TLS 1.2: forward secrecy and authenticated encryption only; all suites of 1.3 are such.
    private static let ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20"
    private static let groups = "X25519:P-256:P-384"

    /// For tests of this version; call it before the context is used.
    func allowOnlyTLS12() { podling_ctx_set_max_version(handle, TLS1_2_VERSION) }

    private static func makeHandle(
        _ method: OpaquePointer?,
        _ minimum: TLSVersion,
        _ setting: String
    ) throws(TLSError) -> OpaquePointer {
        OpenSSLErrors.clear()
        guard let handle = SSL_CTX_new(method) else {
            throw .configuration("TLS: OpenSSL cannot be set up: \(OpenSSLErrors.take().text)")
        }
        podling_ctx_set_options(handle)
        let version = minimum == .tls13 ? TLS1_3_VERSION : TLS1_2_VERSION
        guard podling_ctx_set_min_version(handle, version) == 1, SSL_CTX_set_cipher_list(handle, ciphers) == 1,
            podling_ctx_set_groups(handle, groups) == 1
        else {
            SSL_CTX_free(handle)
            throw .configuration("\(setting): OpenSSL refuses it: \(OpenSSLErrors.take().text)")
        }
        return handle
    }
}

// MARK: - ALPN (RFC 7301)

extension TLSContext {
    private static func offerProtocol(
        _ applicationProtocol: ApplicationProtocol,
        _ handle: OpaquePointer
    ) throws(TLSError) {
        let name = Array(applicationProtocol.rawValue.utf8)
        let list = [UInt8(name.count)] + name
        // Unlike its siblings, it returns 0 on success.
        guard SSL_CTX_set_alpn_protos(handle, list, UInt32(list.count)) == 0 else {
            throw .configuration("TLS: OpenSSL refuses ALPN: \(OpenSSLErrors.take().text)")
        }
    }

    /// A client that offers another protocol only, or none where one is required, is rejected with
    /// no_application_protocol.
    private static func chooseProtocol(_ applicationProtocol: ApplicationProtocol, _ handle: OpaquePointer) {
        if applicationProtocol.isDemanded {
            SSL_CTX_set_client_hello_cb(
                handle,
                { ssl, alert, _ in
                    var (bytes, count): (UnsafePointer<UInt8>?, Int) = (nil, 0)
                    let kind = UInt32(TLSEXT_TYPE_application_layer_protocol_negotiation)
                    if SSL_client_hello_get0_ext(ssl, kind, &bytes, &count) == 1 { return SSL_CLIENT_HELLO_SUCCESS }
                    alert?.pointee = SSL_AD_NO_APPLICATION_PROTOCOL
                    return SSL_CLIENT_HELLO_ERROR
                },
                nil
            )
        }
        // A C function pointer captures nothing.
        switch applicationProtocol {
        case .podling:
            SSL_CTX_set_alpn_select_cb(handle, { TLSContext.select(.podling, $1, $2, from: $3, $4, $5) }, nil)
        case .http:
            SSL_CTX_set_alpn_select_cb(handle, { TLSContext.select(.http, $1, $2, from: $3, $4, $5) }, nil)
        case .postgres:
            SSL_CTX_set_alpn_select_cb(handle, { TLSContext.select(.postgres, $1, $2, from: $3, $4, $5) }, nil)
        }
    }

    private static func select(
        _ wanted: ApplicationProtocol,
        _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
        _ chosenCount: UnsafeMutablePointer<UInt8>?,
        from offered: UnsafePointer<UInt8>?,
        _ offeredCount: UInt32,
        _: UnsafeMutableRawPointer?
    ) -> Int32 {
        let list = UnsafeBufferPointer(start: offered, count: Int(offeredCount))
        var start = 0
        while start < list.count {
            let name = list[min(start + 1, list.count)..<min(start + 1 + Int(list[start]), list.count)]
            if name.elementsEqual(wanted.rawValue.utf8) {
                // The result points into the client's list, which outlives this call.
                chosen?.pointee = list.baseAddress.map { $0 + start + 1 }
                chosenCount?.pointee = UInt8(name.count)
                return SSL_TLSEXT_ERR_OK
            }
            start += 1 + Int(list[start])
        }
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }
}
