internal import COpenSSL

/// The entries of this thread's OpenSSL error queue (ERR_get_error(3)).
struct OpenSSLErrors {
    /// In order of occurrence: the first is the cause.
    private let codes: [UInt]

    /// Empties the queue: an entry that another connection left would be taken for this one's.
    static func clear() { ERR_clear_error() }

    /// Drains the queue.
    static func take() -> OpenSSLErrors {
        var codes: [UInt] = []
        while true {
            let code = ERR_get_error()
            if code == 0 { return OpenSSLErrors(codes: codes) }
            codes.append(code)
        }
    }

    /// The reason codes of libssl (openssl/sslerr.h).
    private var tlsReasons: [Int32] {
        codes.filter { ERR_GET_LIB($0) == ERR_LIB_SSL }.map { ERR_GET_REASON($0) }
    }

    func holds(tlsReason reason: Int32) -> Bool { tlsReasons.contains(reason) }

    /// Whether parsing stopped at the end of the PEM blocks, rather than at an invalid one.
    var isEndOfPEM: Bool {
        codes.last.map { ERR_GET_LIB($0) == ERR_LIB_PEM && ERR_GET_REASON($0) == PEM_R_NO_START_LINE } ?? false
    }

    /// The peer's alert, where it ended the connection.
    var alert: TLSAlert? {
        tlsReasons.lazy.filter { $0 > SSL_AD_REASON_OFFSET && $0 <= SSL_AD_REASON_OFFSET + 255 }
            .map { TLSAlert(UInt8($0 - SSL_AD_REASON_OFFSET)) }.first
    }

    /// OpenSSL's messages, on one line.
    var text: String {
        let texts = codes.map { code in
            ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)"
        }
        return texts.isEmpty ? "OpenSSL gives no reason" : texts.joined(separator: "; ")
    }
}
