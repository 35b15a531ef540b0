import COpenSSL

/// Incremental SHA-256, by the OpenSSL that TLS needs anyway.
///
/// OpenSSL may fail: without memory, or where its configuration loads no provider that has SHA-256. The digest is then
/// nil.
package final class SHA256 {
    package static let byteCount = 32

    /// nil once OpenSSL has failed.
    private var context: OpaquePointer?

    package init() {
        context = EVP_MD_CTX_new()
        check(EVP_DigestInit_ex(context, EVP_sha256(), nil))
    }

    deinit { EVP_MD_CTX_free(context) }

    package func update(_ bytes: UnsafeRawBufferPointer) {
        guard let context, !bytes.isEmpty else { return }
        check(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count))
    }

    /// The digest of all input so far; more input may follow.
    package func digest() -> [UInt8]? {
        guard let context, let copy = EVP_MD_CTX_new() else { return nil }
        defer { EVP_MD_CTX_free(copy) }
        guard EVP_MD_CTX_copy_ex(copy, context) == 1 else { return nil }
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        guard EVP_DigestFinal_ex(copy, &digest, &count) == 1, Int(count) == Self.byteCount else { return nil }
        return Array(digest[..<Self.byteCount])
    }

    package static func digest(of bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        let sum = SHA256()
        sum.update(bytes)
        return sum.digest()
    }

    private func check(_ result: CInt) {
        guard result != 1 else { return }
        EVP_MD_CTX_free(context)
        context = nil
    }
}
