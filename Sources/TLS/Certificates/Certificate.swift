internal import COpenSSL
import Glibc

/// An X.509 certificate; freed with the last reference.
final class Certificate {
    let handle: OpaquePointer

    init(owning handle: OpaquePointer) { self.handle = handle }

    deinit { X509_free(handle) }

    var facts: CertificateFacts { CertificateFacts(handle) }
}

/// Facts copied out of a certificate. Its texts are untrusted: control characters are escaped.
package struct CertificateFacts: Sendable, Equatable {
    /// A subjectAltName (RFC 5280, section 4.2.1.6); other kinds are omitted.
    package enum Name: Sendable, Equatable, CustomStringConvertible {
        case dns(String)
        case ip(String)
        case uri(String)

        package var description: String {
            switch self {
            case .dns(let name): "DNS:\(name)"
            case .ip(let address): "IP:\(address)"
            case .uri(let uri): "URI:\(uri)"
            }
        }
    }

    /// Length at which distinguished names are cut.
    static let textBytesMax = 256
    /// Names that a message lists at most.
    private static let namesListedMax = 10

    /// The distinguished name by RFC 2253, such as `CN=node-1,O=Example`.
    package let subject: String
    package let issuer: String
    package let names: [Name]
    /// Unix time in seconds; nil where the date cannot be parsed.
    package let notBefore: Int?
    package let notAfter: Int?
    package let isSelfIssued: Bool
    /// Whether it is a CA certificate, which may sign others (RFC 5280, section 4.2.1.9).
    package let isAuthority: Bool
    /// Whether its key usages permit TLS server authentication.
    package let isForServers: Bool

    init(_ certificate: OpaquePointer) {
        subject = Self.text(of: X509_get_subject_name(certificate))
        issuer = Self.text(of: X509_get_issuer_name(certificate))
        isSelfIssued = X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) == 0
        names = Self.names(of: certificate)
        isAuthority = X509_check_ca(certificate) > 0
        isForServers = X509_check_purpose(certificate, X509_PURPOSE_SSL_SERVER, 0) == 1
        notBefore = Self.seconds(X509_get0_notBefore(certificate))
        notAfter = Self.seconds(X509_get0_notAfter(certificate))
        OpenSSLErrors.clear()
    }

    /// Human-readable list, `DNS:a.example, IP:10.0.0.1`, or a remark that there are none.
    package var namesListed: String {
        guard !names.isEmpty else { return "no name at all (it has no subjectAltName)" }
        let listed = names.prefix(Self.namesListedMax).map(\.description).joined(separator: ", ")
        let rest = names.count - Self.namesListedMax
        return rest > 0 ? "\(listed) and \(rest) more" : listed
    }

    private static func text(of name: OpaquePointer?) -> String {
        guard let name, let bio = BIO_new(BIO_s_mem()) else { return "" }
        defer { BIO_free(bio) }
        guard podling_distinguished_name(bio, name) >= 0 else { return "" }
        var bytes: UnsafeMutablePointer<CChar>?
        let count = podling_bio_memory(bio, &bytes)
        return printable(UnsafeRawBufferPointer(start: bytes, count: min(count, textBytesMax)))
    }

    private static func printable(_ bytes: UnsafeRawBufferPointer) -> String {
        var text = ""
        for byte in bytes {
            if (0x20..<0x7f).contains(byte) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return text
    }

    private static func names(of certificate: OpaquePointer) -> [Name] {
        guard let all = podling_names(certificate) else { return [] }
        defer { podling_names_free(all) }
        return (0..<podling_names_count(all)).compactMap { index in
            var start: UnsafePointer<UInt8>?
            var count: Int32 = 0
            let kind = podling_names_at(all, index, &start, &count)
            let bytes = UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : Int(count))
            switch kind {
            case GEN_DNS: return .dns(printable(bytes))
            case GEN_URI: return .uri(printable(bytes))
            case GEN_IPADD: return IPAddress(bytes: bytes).map { .ip($0.text) }
            default: return nil
            }
        }
    }

    static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int? {
        var parts = tm()
        guard let time, ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
        return timegm(&parts)
    }

    /// Why it is not valid at `now` (Unix seconds), and since or until when; nil where it is.
    package func dateOffence(now: Int) -> String? {
        if let notBefore, now < notBefore { return "is not valid before \(Self.utc(notBefore))" }
        if let notAfter, now > notAfter { return "has expired on \(Self.utc(notAfter))" }
        return nil
    }

    /// Formats a time as `2026-11-24 22:00:00 UTC`.
    package static func utc(_ seconds: Int) -> String {
        var (seconds, parts) = (time_t(seconds), tm())
        gmtime_r(&seconds, &parts)
        let numbers = [parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec].map { number in
            number < 10 ? "0\(number)" : "\(number)"
        }
        return "\(parts.tm_year + 1_900)-\(numbers[0])-\(numbers[1]) \(numbers[2]):\(numbers[3]):\(numbers[4]) UTC"
    }
}
