import PodlingTLS

/// Connection settings by the names of libpq, from one source: the command line, a URL, or the environment. Each
/// setting remembers its source, so that an error can name it.
public struct ConnectionSettings: Sendable, Equatable {
    public enum Name: String, Sendable, CaseIterable {
        case mode = "sslmode"
        case roots = "sslrootcert"
        case certificate = "sslcert"
        case key = "sslkey"
        case revocationLists = "sslcrl"
        case minimumVersion = "ssl_min_protocol_version"
        case serverName = "sslsni"
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

    public init() {}

    /// Reads the environment; an empty variable sets nothing.
    public init(environment: (String) -> String?) {
        for name in Name.allCases {
            guard let text = environment(name.variable), !text.isEmpty else { continue }
            settings[name] = Setting(text: text, place: .environment, title: name.variable)
        }
    }

    /// Sets the value of a flag; nil sets nothing.
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
