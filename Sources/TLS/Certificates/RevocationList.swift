internal import COpenSSL

/// A certificate revocation list (CRL, RFC 5280, section 5); freed with the last reference.
final class RevocationList {
    let handle: OpaquePointer

    init(owning handle: OpaquePointer) { self.handle = handle }

    /// Unix time in seconds after which it is stale, and no certificate of that CA is accepted; nil where it has none.
    var nextUpdate: Int? { CertificateFacts.seconds(X509_CRL_get0_nextUpdate(handle)) }

    deinit { X509_CRL_free(handle) }
}
