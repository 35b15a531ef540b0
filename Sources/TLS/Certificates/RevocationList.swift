internal import COpenSSL

/// What a CA has revoked (CRL, RFC 5280, section 5); freed with the last reference.
final class RevocationList {
    let handle: OpaquePointer

    init(owning handle: OpaquePointer) { self.handle = handle }

    /// Unix time in seconds after which it counts no more, and nobody of that CA is believed; nil where it does not say.
    var nextUpdate: Int? { CertificateFacts.seconds(X509_CRL_get0_nextUpdate(handle)) }

    deinit { X509_CRL_free(handle) }
}
