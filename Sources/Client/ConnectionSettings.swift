import PodlingTLS

/// How a master is dialled and checked, by the names of libpq, as one place sets it: the command line, a URL, or the
/// environment. Each setting remembers where it came from, so that an error can name it.
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

        /// `--ssl-min-protocol-version`.
        public var flag: String { "--" + rawValue.split(separator: "_").joined(separator: "-") }
        /// `PODLING_SSL_MIN_PROTOCOL_VERSION`.
        public var variable: String { "PODLING_" + rawValue.uppercased() }
    }

    struct Setting: Sendable, Equatable {
        var text: String
        var place: Place
        /// As its user wrote it: `--sslmode`, `PODLING_SSLMODE`, or `sslmode`.
        var title: String
    }

    enum Place: Sendable, Equatable {
        case flag
        case url
        case environment
    }

    private(set) var settings: [Name: Setting] = [:]

    public init() {}

    /// What the environment sets; a variable without a value sets nothing.
    public init(environment: (String) -> String?) {
        for name in Name.allCases {
            guard let text = environment(name.variable), !text.isEmpty else { continue }
            settings[name] = Setting(text: text, place: .environment, title: name.variable)
        }
    }

    /// Takes what a flag says; nil says nothing.
    public mutating func set(_ name: Name, flag text: String?) {
        if let text { settings[name] = Setting(text: text, place: .flag, title: name.flag) }
    }

    mutating func set(_ name: Name, url text: String) {
        settings[name] = Setting(text: text, place: .url, title: name.rawValue)
    }

    /// These, and what `weaker` sets beside them.
    func over(_ weaker: ConnectionSettings) -> ConnectionSettings {
        var all = self
        all.settings.merge(weaker.settings) { own, _ in own }
        return all
    }

    subscript(_ name: Name) -> Setting? { settings[name] }
}
