internal import COpenSSL

/// Explains why a peer's certificate was rejected.
struct VerificationFailure {
    let failure: VerificationRecord.Failure
    /// The server that the client means to reach; nil on the server's side.
    let wanted: PeerName?

    private var isServer: Bool { wanted == nil }
    private var rootsSetting: String { isServer ? "--tls-client-ca" : "sslrootcert" }
    private var listSetting: String { isServer ? "--tls-crl" : "sslcrl" }
    private var peer: String { isServer ? "client" : "server" }
    private var issuer: String { failure.certificate?.issuer ?? "unknown" }

    /// Names the certificate that is at fault.
    private var culprit: String {
        let subject = failure.certificate.map { $0.subject.isEmpty ? "" : " (\($0.subject))" } ?? ""
        return failure.depth == 0
            ? "the \(peer)'s certificate\(subject)"
            : "the CA certificate\(subject) that vouches for the \(peer)'s"
    }

    var error: TLSError {
        let (wrong, cure) = explanation
        return TLSError(.verification, "\(culprit) \(wrong)", cure: cure, flaw: flaw)
    }

    private var flaw: TLSError.Flaw {
        switch failure.code {
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: .name
        case X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID: .dates
        case X509_V_ERR_CERT_REVOKED, X509_V_ERR_UNABLE_TO_GET_CRL, X509_V_ERR_CRL_HAS_EXPIRED,
            X509_V_ERR_CRL_NOT_YET_VALID:
            .revocation
        default: .chain
        }
    }

    private var explanation: (String, String?) {
        switch failure.code {
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: nameMismatch
        case X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID: wrongDate
        case X509_V_ERR_CERT_REVOKED:
            ("was revoked by its CA (\(issuer))", "Have a new one issued.")
        case X509_V_ERR_UNABLE_TO_GET_CRL:
            (
                "cannot be checked for revocation: \(listSetting) has no list of its CA (\(issuer))",
                "Add the CRL of each CA of the chain to the file of \(listSetting)."
            )
        case X509_V_ERR_CRL_HAS_EXPIRED, X509_V_ERR_CRL_NOT_YET_VALID:
            (
                "cannot be checked for revocation: the list of its CA (\(issuer)) "
                    + (failure.code == X509_V_ERR_CRL_HAS_EXPIRED ? "has expired" : "is not yet valid"),
                "Fetch the CA's present CRL into the file of \(listSetting)."
            )
        case X509_V_ERR_INVALID_PURPOSE:
            (
                failure.depth == 0
                    ? "is not made for a \(peer) (keyUsage, extendedKeyUsage)" : "is not made for a CA",
                failure.depth == 0 ? "Have one issued with extendedKeyUsage=\(peer)Auth." : nil
            )
        default: untrusted ?? (Self.words(failure.code), nil)
        }
    }

    private var untrusted: (String, String?)? {
        let add = "Add the certificate of the CA to the file of \(rootsSetting), if you trust it."
        switch failure.code {
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return (
                "is self-signed and not in \(rootsSetting)",
                "Add it to the file of \(rootsSetting), if it is the right one."
            )
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return ("is not in \(rootsSetting)", add)
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return (
                "comes from a CA (\(issuer)) whose key is not in \(rootsSetting), nor does the \(peer) send a chain to one",
                add + " A CA between it and the root belongs in the \(peer)'s own certificate file."
            )
        case X509_V_ERR_CERT_SIGNATURE_FAILURE:
            return (
                "is not signed by the key of its CA (\(issuer)) in \(rootsSetting): there is another CA of this name",
                "Compare the CA's certificates on both sides by: openssl x509 -noout -fingerprint -sha256 -in FILE"
            )
        default:
            return nil
        }
    }

    private var nameMismatch: (String, String?) {
        guard let wanted else { return (Self.words(failure.code), nil) }
        let has = failure.certificate?.namesListed ?? "another name"
        let isNameless = failure.certificate?.names.isEmpty ?? false
        return (
            "is not for '\(wanted)' but for \(has)" + (isNameless ? "; a common name does not count" : ""),
            isNameless
                ? "Have one issued with subjectAltName=\(wanted.asSubjectAltName)."
                : "Connect by one of its names, or have one issued with subjectAltName=\(wanted.asSubjectAltName)."
        )
    }

    private var wrongDate: (String, String?) {
        let (isExpired, facts) = (failure.code == X509_V_ERR_CERT_HAS_EXPIRED, failure.certificate)
        let date = (isExpired ? facts?.notAfter : facts?.notBefore).map { CertificateFacts.utc($0) } ?? "a date"
        return (
            isExpired ? "has expired on \(date)" : "is not valid before \(date)",
            isExpired ? "Have it renewed." : "If this date has passed, set this machine's clock."
        )
    }

    private static func words(_ code: Int32) -> String {
        "is not accepted: " + (X509_verify_cert_error_string(Int(code)).map { String(cString: $0) } ?? "error \(code)")
    }
}
