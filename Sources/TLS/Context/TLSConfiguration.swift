/// The `sslmode` of a client: how it protects its connection and verifies the server (PostgreSQL manual, 34.19.1,
/// without `allow` and `prefer`).
public enum TLSMode: String, Sendable, CaseIterable {
    /// Plaintext.
    case disable
    /// Encrypted; the server is not verified, so a man in the middle can read and write.
    case require
    /// The server's certificate must be signed by a trusted CA.
    case verifyCA = "verify-ca"
    /// It must also be issued for the name that is connected to.
    case verifyFull = "verify-full"

    /// - Throws: `TLSError` for an unknown mode, and for `allow` and `prefer`, with the reason.
    public init(named name: String) throws(TLSError) {
        if let mode = TLSMode(rawValue: name) {
            self = mode
            return
        }
        guard name == "allow" || name == "prefer" else {
            throw .configuration(
                "sslmode: '\(name)' is no mode",
                cure: "Use disable, require, verify-ca or verify-full."
            )
        }
        throw .configuration(
            "sslmode: '\(name)' would fall back to plaintext without a word, so it is not offered",
            cure: "Use verify-full, or disable where plaintext is meant."
        )
    }
}

/// The lowest version of TLS to accept.
public enum TLSVersion: String, Sendable, CaseIterable, Comparable {
    case tls12 = "TLSv1.2"
    case tls13 = "TLSv1.3"

    /// - Parameter setting: the setting's name, for the error.
    /// - Throws: `TLSError` for anything but `TLSv1.2` and `TLSv1.3`.
    public init(named name: String, setting: String) throws(TLSError) {
        guard let version = TLSVersion(rawValue: name) else {
            throw .configuration("\(setting): '\(name)' is no version", cure: "Use TLSv1.2 or TLSv1.3.")
        }
        self = version
    }

    public static func < (left: TLSVersion, right: TLSVersion) -> Bool { left.rawValue < right.rawValue }
}

/// The trust anchors for the peer's certificate.
public enum TLSRoots: Sendable, Hashable {
    /// The machine's trust store: public CAs, which sign certificates for any name.
    case system
    /// A PEM file of CA certificates.
    case file(String)
}

/// A client's TLS settings, by the names of libpq.
public struct TLSClientConfiguration: Sendable, Hashable {
    public var mode: TLSMode = .verifyFull
    /// `sslrootcert`; nil is `system` with verify-full, and an error with verify-ca.
    public var roots: TLSRoots?
    /// `sslcert` and `sslkey`: PEM files, both or neither.
    public var certificateFile: String?
    public var keyFile: String?
    /// `sslcrl`: a PEM file with a CRL of each CA.
    public var revocationFile: String?
    /// `ssl_min_protocol_version`.
    public var minimumVersion: TLSVersion = .tls12
    /// `sslsni`: whether the server name is sent in the clear.
    public var sendsServerName = true

    public init() {}
}

/// `--tls-client-cert`: whether a server requests a certificate from its clients.
public enum TLSClientCertificates: String, Sendable, CaseIterable {
    /// It requests none.
    case off
    /// It requests one; one that is given must be valid.
    case optional
    /// It requests one, and closes the connection where none is given.
    case require
}

/// A server's TLS settings, by the names of its flags.
public struct TLSServerConfiguration: Sendable {
    /// `--tls-cert`: a PEM file, the server's certificate first, then those of the intermediate CAs.
    public var certificateFile: String
    /// `--tls-key`.
    public var keyFile: String
    /// `--tls-client-ca`: a PEM file of the CAs whose clients are admitted.
    public var clientCAFile: String?
    /// `--tls-crl`: a PEM file with a CRL of each of these CAs.
    public var revocationFile: String?
    /// `--tls-client-cert`.
    public var clientCertificates: TLSClientCertificates = .off
    /// `--tls-min-version`.
    public var minimumVersion: TLSVersion = .tls12

    public init(certificateFile: String, keyFile: String) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
    }
}
