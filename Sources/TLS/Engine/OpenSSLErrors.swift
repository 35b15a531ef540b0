internal import COpenSSL

/// What the calls of this thread have left in OpenSSL's queue of errors (ERR_get_error(3)).
struct OpenSSLErrors {
    /// In the order in which they happened: the first is the cause.
    private let codes: [UInt]

    /// Empties the queue. Whatever another connection left there would be taken for this one's.
    static func clear() { ERR_clear_error() }

    /// Takes what is in the queue.
    static func take() -> OpenSSLErrors {
        var codes: [UInt] = []
        while true {
            let code = ERR_get_error()
            if code == 0 { return OpenSSLErrors(codes: codes) }
            codes.append(code)
        }
    }

    /// Reasons of libssl (openssl/sslerr.h).
    private var tlsReasons: [Int32] {
        codes.filter { ERR_GET_LIB($0) == ERR_LIB_SSL }.map { ERR_GET_REASON($0) }
    }

    func holds(tlsReason reason: Int32) -> Bool { tlsReasons.contains(reason) }

    /// Whether parsing stopped since there was no further PEM block, rather than at a bad one.
    var isEndOfPEM: Bool {
        codes.last.map { ERR_GET_LIB($0) == ERR_LIB_PEM && ERR_GET_REASON($0) == PEM_R_NO_START_LINE } ?? false
    }

    /// What the peer said, where it ended the connection.
    var alert: TLSAlert? {
        tlsReasons.lazy.filter { $0 > SSL_AD_REASON_OFFSET && $0 <= SSL_AD_REASON_OFFSET + 255 }
            .map { TLSAlert(UInt8($0 - SSL_AD_REASON_OFFSET)) }.first
    }

    /// The reasons in OpenSSL's words, on one line.
    var text: String {
        let texts = codes.map { code in
            ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)"
        }
        return texts.isEmpty ? "OpenSSL gives no reason" : texts.joined(separator: "; ")
    }
}
