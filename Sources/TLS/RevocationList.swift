internal import COpenSSL

/// What a CA has revoked (CRL, RFC 5280, section 5); freed with the last reference.
final class RevocationList {
    let handle: OpaquePointer

    init(owning handle: OpaquePointer) { self.handle = handle }

    deinit { X509_CRL_free(handle) }
}
