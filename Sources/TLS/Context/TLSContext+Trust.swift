internal import COpenSSL
import Glibc

extension TLSContext {
    /// - Returns: the client's own certificate; nil where it has none.
    static func useIdentity(
        of client: TLSClientConfiguration,
        in context: OpaquePointer,
        now: Int
    ) throws(TLSError) -> CertificateFacts? {
        switch (client.certificateFile, client.keyFile) {
        case (nil, nil): return nil
        case (let certificate?, let key?):
            let files = IdentityFiles(
                certificate: PEMSource("sslcert", certificate),
                key: PEMSource("sslkey", key),
                isServer: false
            )
            return try files.use(in: context, now: now)
        case (.some, nil): throw .configuration("sslcert is given without sslkey", cure: "Give both, or neither.")
        case (nil, .some): throw .configuration("sslkey is given without sslcert", cure: "Give both, or neither.")
        }
    }

    static func useRoots(of client: TLSClientConfiguration, in context: OpaquePointer) throws(TLSError) {
        guard client.mode == .verifyCA || client.mode == .verifyFull else {
            for (setting, isGiven) in [("sslrootcert", client.roots != nil), ("sslcrl", client.revocationFile != nil)]
            where isGiven {
                throw .configuration(
                    "\(setting) is given, but sslmode=\(client.mode.rawValue) checks no certificate",
                    cure: "Use sslmode=verify-full, or leave \(setting) out."
                )
            }
            SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
            return
        }
        switch client.roots ?? .system {
        case .file(let path):
            _ = try trust(PEMSource("sslrootcert", path), in: context)
        case .system:
            guard client.mode == .verifyFull else {
                throw .configuration(
                    client.roots == nil
                        ? "sslmode: verify-ca needs sslrootcert"
                        : "sslrootcert: 'system' with verify-ca would trust every certificate of a public CA",
                    cure: "Give sslrootcert=FILE with your CA's certificate, or use sslmode=verify-full."
                )
            }
            try trustSystem(in: context)
        }
        _ = try revoke(client.revocationFile.map { PEMSource("sslcrl", $0) }, in: context)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, VerificationRecord.callback)
    }

    /// - Returns: the CAs, and the earliest expiry of the revocation lists (Unix time in seconds); nil where there is
    ///   none.
    static func useClientCAs(
        of server: TLSServerConfiguration,
        in context: OpaquePointer
    ) throws(TLSError) -> (authorities: [CertificateFacts], revocationEnd: Int?) {
        let asks = server.clientCertificates != .off
        guard let path = server.clientCAFile else {
            if asks {
                throw .configuration(
                    "--tls-client-cert: \(server.clientCertificates.rawValue) needs --tls-client-ca",
                    cure: "Give the file of the CA that signs the clients' certificates."
                )
            }
            if server.revocationFile != nil {
                throw .configuration("--tls-crl is given without --tls-client-ca", cure: "Give both, or leave it out.")
            }
            SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
            return ([], nil)
        }
        guard asks else {
            throw .configuration(
                "--tls-client-ca is given, but --tls-client-cert is off: no client would be checked",
                cure: "Use --tls-client-cert require (or optional), or leave --tls-client-ca out."
            )
        }
        let authorities = try trust(PEMSource("--tls-client-ca", path), in: context)
        for authority in authorities {
            // Clients select their certificate by these names.
            guard SSL_CTX_add_client_CA(context, authority.handle) == 1 else {
                throw .configuration("--tls-client-ca: OpenSSL refuses \(path): \(OpenSSLErrors.take().text)")
            }
        }
        let revocationEnd = try revoke(server.revocationFile.map { PEMSource("--tls-crl", $0) }, in: context)
        let mode = SSL_VERIFY_PEER | (server.clientCertificates == .require ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0)
        SSL_CTX_set_verify(context, mode, VerificationRecord.callback)
        return (authorities.map(\.facts), revocationEnd)
    }

    private static func trust(_ source: PEMSource, in context: OpaquePointer) throws(TLSError) -> [Certificate] {
        let authorities = try PEMFile(source.path, setting: source.setting).certificates()
        let store = SSL_CTX_get_cert_store(context)
        for authority in authorities {
            guard X509_STORE_add_cert(store, authority.handle) == 1 else {
                throw .configuration("\(source.setting): OpenSSL refuses \(source.path): \(OpenSSLErrors.take().text)")
            }
        }
        return authorities
    }

    /// OpenSSL reports no error if there are none, and would then trust nobody.
    private static func trustSystem(in context: OpaquePointer) throws(TLSError) {
        let places = [
            (X509_get_default_cert_file_env(), X509_get_default_cert_file()),
            (X509_get_default_cert_dir_env(), X509_get_default_cert_dir()),
        ].compactMap { variable, standard in variable.flatMap { getenv($0).map { UnsafePointer($0) } } ?? standard }
        guard places.contains(where: { access($0, R_OK) == 0 }), SSL_CTX_set_default_verify_paths(context) == 1 else {
            throw .configuration(
                "sslrootcert: this machine's CA certificates are not to be read "
                    + "(\(places.map { String(cString: $0) }.joined(separator: ", ")))",
                cure: "Install the package ca-certificates, or give sslrootcert=FILE with your CA's certificate."
            )
        }
        OpenSSLErrors.clear()
    }

    /// Every CA of a chain then needs its list; an unreadable one is an error, and not ignored as by libpq.
    private static func revoke(_ source: PEMSource?, in context: OpaquePointer) throws(TLSError) -> Int? {
        guard let source else { return nil }
        let store = SSL_CTX_get_cert_store(context)
        let lists = try PEMFile(source.path, setting: source.setting).revocationLists()
        for list in lists {
            guard X509_STORE_add_crl(store, list.handle) == 1 else {
                throw .configuration("\(source.setting): OpenSSL refuses \(source.path): \(OpenSSLErrors.take().text)")
            }
        }
        let flags = UInt(X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL)
        guard X509_STORE_set_flags(store, flags) == 1 else {
            throw .configuration("\(source.setting): OpenSSL cannot check it: \(OpenSSLErrors.take().text)")
        }
        return lists.compactMap(\.nextUpdate).min()
    }
}
