internal import COpenSSL

/// A path and the name of the setting that gave it.
struct PEMSource {
    let setting: String
    let path: String

    init(_ setting: String, _ path: String) {
        self.setting = setting
        self.path = path
    }
}

/// The certificate and key files of one side.
struct IdentityFiles {
    let certificate: PEMSource
    let key: PEMSource
    let isServer: Bool

    /// Reads and validates both, and installs them in a context.
    ///
    /// - Parameter now: Unix time in seconds, to check the certificate's dates; nil skips the check.
    func use(in context: OpaquePointer, now: Int?) throws(TLSError) -> CertificateFacts {
        let chain = try PEMFile(certificate.path, setting: certificate.setting).certificates()
        // PEMFile returns at least one.
        guard let own = chain.first else { throw .configuration("\(certificate.setting): no certificate") }
        let facts = own.facts
        if let offence = now.flatMap({ facts.dateOffence(now: $0) }) {
            throw .configuration(
                "\(certificate.setting): \(certificate.path): the certificate \(facts.subject) \(offence)",
                cure: "Have it renewed; if its dates are right, set this machine's clock."
            )
        }
        try check(SSL_CTX_use_certificate(context, own.handle), certificate)
        for authority in chain.dropFirst() {
            X509_up_ref(authority.handle)
            let code = podling_ctx_add_chain_certificate(context, authority.handle)
            if code != 1 { X509_free(authority.handle) }
            try check(code, certificate)
        }
        let keyFile = try PEMFile(key.path, setting: key.setting, secrecy: .secret(isServer: isServer))
        try keyFile.withPrivateKey { privateKey throws(TLSError) in
            guard X509_check_private_key(own.handle, privateKey) == 1 else {
                throw .configuration(
                    "\(key.setting): the key in \(key.path) is not that of the certificate in \(certificate.path)",
                    cure: "Give the key that the certificate was requested with. The certificate to be used "
                        + "stands first in its file."
                )
            }
            try check(SSL_CTX_use_PrivateKey(context, privateKey), key)
        }
        return facts
    }

    private func check(_ code: Int32, _ source: PEMSource) throws(TLSError) {
        guard code == 1 else {
            throw .configuration("\(source.setting): OpenSSL refuses \(source.path): \(OpenSSLErrors.take().text)")
        }
    }
}
