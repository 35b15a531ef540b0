internal import COpenSSL
import Glibc

extension TLSEngine {
    private var peer: String { wanted == nil ? "client" : "server" }

    var truncation: TLSError {
        state == .handshaking
            ? TLSError(
                .truncated,
                firstByte == nil
                    ? "the \(peer) ended the connection without a byte of TLS"
                    : "the \(peer) ended the connection in the middle of the handshake",
                cure: wanted == nil ? nil : "Its log may say why; a port without TLS ends it so, too."
            )
            : TLSError(.truncated, "the connection ended without the \(peer)'s close_notify: what came may not be all")
    }

    func lateness(afterSeconds seconds: Int64) -> TLSError {
        TLSError(
            .timeout,
            "the \(peer) did not finish the TLS handshake within \(seconds) s",
            cure: wanted == nil ? nil : "It may be overloaded, or speak no TLS on this port."
        )
    }

    /// Explains why a call failed; `reason` is SSL_get_error's.
    mutating func failure(_ reason: Int32) -> TLSError {
        let errors = OpenSSLErrors.take()
        let error =
            alertError(errors) ?? handshakeError(errors)
            ?? (errors.holds(tlsReason: SSL_R_UNEXPECTED_EOF_WHILE_READING) || reason == SSL_ERROR_SYSCALL
                ? truncation : nil)
            ?? TLSError(.corrupt, "what the \(peer) sent is no proper TLS: \(errors.text)")
        return fail(error)
    }

    private func alertError(_ errors: OpenSSLErrors) -> TLSError? {
        guard let alert = errors.alert else { return nil }
        let own = wanted == nil ? nil : context.certificate
        let isTakenForExpired = alert.isExpiry && own?.dateOffence(now: time(nil)) == nil && own != nil
        let meaning = (isTakenForExpired ? TLSAlert.takenForExpired : alert.meaning).map { ": \($0)" } ?? ""
        let cure = isTakenForExpired ? TLSAlert.cureForTakenForExpired : alert.cureForClient
        return TLSError(
            .alert(alert),
            "the \(peer) ended the connection with the alert \(alert.name)\(meaning)",
            cure: wanted == nil ? nil : cure
        )
    }

    private mutating func handshakeError(_ errors: OpenSSLErrors) -> TLSError? {
        guard state == .handshaking else { return nil }
        if let failure = record.failure { return VerificationFailure(failure: failure, wanted: wanted).error }
        if errors.holds(tlsReason: SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
            return TLSError(
                .verification,
                "the client has shown no certificate, and --tls-client-cert is require",
                cure: "Give the client sslcert and sslkey."
            )
        }
        if errors.holds(tlsReason: SSL_R_NO_APPLICATION_PROTOCOL) || errors.holds(tlsReason: SSL_R_CALLBACK_FAILED) {
            let wanted = context.applicationProtocol.rawValue
            return TLSError(.handshake, "the client does not speak \(wanted) over TLS (ALPN)")
        }
        if errors.holds(tlsReason: SSL_R_UNSUPPORTED_PROTOCOL) || errors.holds(tlsReason: SSL_R_WRONG_SSL_VERSION) {
            return TLSError(.handshake, "the \(peer) speaks no version of TLS that this side allows")
        }
        if errors.holds(tlsReason: SSL_R_NO_SHARED_CIPHER) {
            return TLSError(.handshake, "the \(peer) offers no cipher that this side allows")
        }
        return nil
    }

    /// The content types with which a TLS record may begin (RFC 8446, section 5.1).
    static var recordKinds: ClosedRange<UInt8> { 20...23 }

    func notTLS(_ byte: UInt8) -> TLSError {
        if byte == UInt8(ascii: "{") {
            return TLSError(
                .notTLS(byte),
                "the \(peer) speaks Podling's protocol without TLS",
                cure: wanted == nil
                    ? "Let it connect by podlings://." : "Give the master --tls-cert and --tls-key, or use podling://."
            )
        }
        let text = (0x20..<0x7f).contains(byte) ? "'\(Unicode.Scalar(byte))'" : "byte \(byte)"
        return TLSError(.notTLS(byte), "the \(peer) does not speak TLS: what it sends begins with \(text)")
    }
}

extension TLSAlert {
    fileprivate var isExpiry: Bool { number == 45 }

    fileprivate static let takenForExpired =
        "this side's certificate is within its dates here, so the server's clock or its revocation list is out of date"
    fileprivate static let cureForTakenForExpired =
        "See the server's log; set its clock, or give its --tls-crl a new list."

    /// The remedy for the operator of a client.
    fileprivate var cureForClient: String? {
        switch number {
        case 42, 43, 45, 46, 48: "Have the file of sslcert issued anew by a CA that the server has as --tls-client-ca."
        case 40: "Compare the versions of both sides; where the server wants a certificate, give sslcert and sslkey."
        case 44: "Have a new certificate issued for sslcert."
        case 116: "Give sslcert and sslkey."
        case 120: "Give the address and port of a Podling master."
        case 70: "Compare ssl_min_protocol_version with the server's --tls-min-version."
        default: nil
        }
    }
}
