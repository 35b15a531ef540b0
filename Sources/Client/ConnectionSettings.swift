internal import PodlingTLS

/// Connection settings by the names of libpq, from one source: the command line, a URL, or the environment. Each
/// setting remembers its source, so that an error can name it.
public struct ConnectionSettings: Sendable, Equatable {
    /// A setting. The raw value is its name in libpq and in the parameters of a URL.
    public enum Name: String, Sendable, CaseIterable {
        /// How the connection is protected: `disable`, `require`, `verify-ca` or `verify-full`.
        case mode = "sslmode"
        /// The trusted CAs: a PEM file, or `system` for those of the machine.
        case roots = "sslrootcert"
        /// This side's certificate: a PEM file.
        case certificate = "sslcert"
        /// The key of this side's certificate: a PEM file.
        case key = "sslkey"
        /// Certificate revocation lists: a PEM file with one for each CA.
        case revocationLists = "sslcrl"
        /// The lowest version of TLS to accept: `TLSv1.2` or `TLSv1.3`.
        case minimumVersion = "ssl_min_protocol_version"
        /// Whether the server name is sent in the clear (RFC 6066, section 3): `1` or `0`.
        case serverName = "sslsni"
        /// The IP address to connect to, in place of the host's; the certificate is verified against the host.
        case hostAddress = "hostaddr"

        /// The flag, such as `--ssl-min-protocol-version`.
        package var flag: String { "--" + rawValue.split(separator: "_").joined(separator: "-") }
        /// The variable, such as `PODLING_SSL_MIN_PROTOCOL_VERSION`.
        package var variable: String { "PODLING_" + rawValue.uppercased() }
    }

    struct Setting: Sendable, Equatable {
        var text: String
        var place: Place
        /// The name that the user wrote: `--sslmode`, `PODLING_SSLMODE`, or `sslmode`.
        var title: String
    }

    enum Place: Sendable, Equatable {
        case flag
        case url
        case environment
    }

    private(set) var settings: [Name: Setting] = [:]

    /// No settings.
    public init() {}

    /// Reads `PODLING_SSLMODE`, `PODLING_SSLROOTCERT` and so on; an empty variable sets nothing.
    ///
    /// - Parameter environment: returns the value of a variable; nil where it is not set.
    public init(environment: (String) -> String?) {
        for name in Name.allCases {
            guard let text = environment(name.variable), !text.isEmpty else { continue }
            settings[name] = Setting(text: text, place: .environment, title: name.variable)
        }
    }

    /// Sets the value of a flag; nil sets nothing. The value is validated by `MasterAddress`.
    public mutating func set(_ name: Name, flag text: String?) {
        if let text { settings[name] = Setting(text: text, place: .flag, title: name.flag) }
    }

    mutating func set(_ name: Name, url text: String) {
        settings[name] = Setting(text: text, place: .url, title: name.rawValue)
    }

    /// Merges both; where both have a setting, these have precedence over `weaker`.
    func over(_ weaker: ConnectionSettings) -> ConnectionSettings {
        var all = self
        all.settings.merge(weaker.settings) { own, _ in own }
        return all
    }

    subscript(_ name: Name) -> Setting? { settings[name] }
}
