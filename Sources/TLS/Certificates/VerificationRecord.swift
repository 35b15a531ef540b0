internal import COpenSSL

/// Records which certificate of the peer OpenSSL rejected, and why: after a failed handshake it no longer says.
final class VerificationRecord {
    struct Failure {
        /// X509_V_ERR_... code
        let code: Int32
        /// 0 is the peer's own certificate, 1 that of the CA which signed it, and so on.
        let depth: Int32
        let certificate: CertificateFacts?
    }

    private(set) var failure: Failure?

    /// OpenSSL's verify callback, called for each certificate of a chain. It does not change the result.
    static let callback: @convention(c) (Int32, OpaquePointer?) -> Int32 = { accepted, store in
        if accepted == 1 { return 1 }
        guard let store, let ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
            let record = SSL_get_ex_data(OpaquePointer(ssl), exIndex)
        else { return 0 }
        Unmanaged<VerificationRecord>.fromOpaque(record).takeUnretainedValue().failure = Failure(
            code: X509_STORE_CTX_get_error(store),
            depth: X509_STORE_CTX_get_error_depth(store),
            certificate: X509_STORE_CTX_get_current_cert(store).map { CertificateFacts($0) }
        )
        return 0
    }

    /// The index of the application's own data (SSL_set_app_data in ssl.h).
    private static let exIndex: Int32 = 0

    /// Attaches the record, which must outlive `ssl`.
    func attach(to ssl: OpaquePointer) -> Bool {
        SSL_set_ex_data(ssl, Self.exIndex, Unmanaged.passUnretained(self).toOpaque()) == 1
    }
}
