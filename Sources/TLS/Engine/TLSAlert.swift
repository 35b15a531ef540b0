/// A TLS alert: the peer's reason to end a connection (RFC 8446, section 6; RFC 5246, section 7.2).
public struct TLSAlert: Sendable, Hashable {
    public let number: UInt8

    public init(_ number: UInt8) { self.number = number }

    /// The name in the RFC; the number where the RFCs have none.
    public var name: String { Self.known[number]?.name ?? "alert \(number)" }

    /// A human-readable explanation of what it says about this side; nil where the name is all there is.
    var meaning: String? { Self.known[number]?.meaning }

    private static let known: [UInt8: (name: String, meaning: String?)] = [
        0: ("close_notify", nil),
        10: ("unexpected_message", nil),
        20: ("bad_record_mac", "what arrived is not what was sent"),
        22: ("record_overflow", nil),
        40: ("handshake_failure", "no version, cipher or certificate is to the liking of both sides"),
        42: ("bad_certificate", "this side's certificate is not accepted"),
        43: ("unsupported_certificate", "this side's certificate is not made for this use"),
        44: ("certificate_revoked", "this side's certificate was revoked"),
        45: ("certificate_expired", "this side's certificate has expired, or is not yet valid"),
        46: ("certificate_unknown", "this side's certificate is not accepted"),
        47: ("illegal_parameter", nil),
        48: ("unknown_ca", "the peer does not trust the CA of this side's certificate"),
        49: ("access_denied", nil),
        50: ("decode_error", nil),
        51: ("decrypt_error", "a signature of this side is not accepted"),
        70: ("protocol_version", "the peer speaks no version of TLS that this side allows"),
        71: ("insufficient_security", "the peer wants stronger ciphers than this side offers"),
        80: ("internal_error", "the peer failed at something of its own"),
        86: ("inappropriate_fallback", nil),
        90: ("user_canceled", nil),
        109: ("missing_extension", nil),
        110: ("unsupported_extension", nil),
        112: ("unrecognized_name", "the peer has no certificate for the name it was asked for"),
        113: ("bad_certificate_status_response", nil),
        115: ("unknown_psk_identity", nil),
        116: ("certificate_required", "the peer lets in only those that show a certificate"),
        120: ("no_application_protocol", "the peer does not speak this side's protocol over TLS"),
    ]
}
