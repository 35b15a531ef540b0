import PodlingProtocol
package import PodlingTLS

/// The address of a master, and the settings for connecting to it: `HOST`, `HOST:PORT`, `[::1]:7070`,
/// `podling://HOST:PORT` or `podlings://HOST:PORT?sslrootcert=FILE`.
public struct MasterAddress: Sendable, Hashable, CustomStringConvertible {
    /// The default port of a master (proto-spec section 2).
    public static let portDefault = 7070
    /// Addresses in one comma-separated list at most.
    package static let listCountMax = 16

    /// A host name or an IP address, without the brackets of an IPv6 literal.
    public let host: String
    /// The TCP port, 1 to 65,535.
    public let port: Int
    /// `hostaddr`: the IP address to connect to; the certificate is still verified against `host`.
    public let hostAddress: String?
    /// The TLS settings; nil is plaintext.
    package let tls: TLSClientConfiguration?

    /// An address in plaintext from its parts, which are not validated. For TLS, parse a `podlings://` URL.
    ///
    /// - Parameters:
    ///   - host: a host name or an IP address, without brackets.
    ///   - port: the TCP port.
    ///   - hostAddress: the IP address to connect to; nil looks `host` up.
    public init(host: String, port: Int = portDefault, hostAddress: String? = nil) {
        self.init(host: host, port: port, hostAddress: hostAddress, tls: nil)
    }

    /// - Parameter tls: the TLS settings; nil is plaintext.
    package init(host: String, port: Int = portDefault, hostAddress: String? = nil, tls: TLSClientConfiguration?) {
        self.host = host
        self.port = port
        self.hostAddress = hostAddress
        self.tls = tls
    }

    /// Parses one address. The scheme decides on TLS; without one, `sslmode` does.
    ///
    /// - Parameters:
    ///   - text: `HOST`, `HOST:PORT`, `podling://HOST:PORT` or `podlings://HOST:PORT?sslrootcert=FILE`.
    ///   - flags: settings with precedence over the URL's parameters.
    ///   - environment: settings with less precedence than them.
    /// - Throws: `MasterAddressError`, which names the fault.
    public init(
        parsing text: String,
        flags: ConnectionSettings = ConnectionSettings(),
        environment: ConnectionSettings = ConnectionSettings()
    ) throws(MasterAddressError) {
        let url = try MasterURL(text)
        do throws(SettingFault) {
            let settings = flags.over(url.parameters).over(environment)
            hostAddress = try Self.hostAddress(settings)
            tls = try settings.security(url.scheme)
        } catch {
            throw MasterAddressError(text, error.text)
        }
        host = url.host
        port = url.port ?? Self.portDefault
        if let tls, tls.mode == .verifyFull, (try? PeerName(host)) == nil {
            throw MasterAddressError(text, "the host is no name that a certificate can have")
        }
    }

    /// Parses a comma-separated list of 1 to 16 addresses; the order is kept, duplicates are dropped.
    ///
    /// - Parameters:
    ///   - text: the list; white space round an address is dropped.
    ///   - flags: settings with precedence over the parameters of each URL.
    ///   - environment: settings with less precedence than them.
    /// - Throws: `MasterAddressError`, which names the fault.
    public static func list(
        parsing text: String,
        flags: ConnectionSettings = ConnectionSettings(),
        environment: ConnectionSettings = ConnectionSettings()
    ) throws(MasterAddressError) -> [MasterAddress] {
        var addresses: [MasterAddress] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let trimmed = part.drop(while: \.isWhitespace)
            guard let last = trimmed.lastIndex(where: { !$0.isWhitespace }) else {
                throw MasterAddressError(text, "an address in the list is empty")
            }
            let address = try MasterAddress(parsing: String(trimmed[...last]), flags: flags, environment: environment)
            if !addresses.contains(address) { addresses.append(address) }
        }
        guard addresses.count <= listCountMax else {
            throw MasterAddressError(text, "more than \(listCountMax) addresses")
        }
        for settings in [flags, environment] where addresses.count > 1 {
            guard let setting = settings[.hostAddress] else { continue }
            throw MasterAddressError(
                text,
                "\(setting.title) is for one address: give each its own as ?hostaddr=ADDRESS"
            )
        }
        return addresses
    }

    /// The leader that this master names, with this one's connection settings: no standby can downgrade a peer from
    /// TLS.
    ///
    /// - Parameters:
    ///   - text: `HOST:PORT`, as masters advertise themselves; a scheme or parameters in it are ignored.
    ///   - known: addresses that were given; a leader among them is connected to with its own settings (proto-spec
    ///     section 3.1).
    /// - Throws: `MasterAddressError` where the text is no address.
    public func leader(
        _ text: String,
        among known: [MasterAddress] = []
    ) throws(MasterAddressError) -> MasterAddress {
        let url = try MasterURL(text)
        let port = url.port ?? Self.portDefault
        if let given = known.first(where: { $0.host == url.host && $0.port == port }) { return given }
        return MasterAddress(host: url.host, port: port, tls: tls)
    }

    /// Whether the connection is encrypted.
    public var hasTLS: Bool { tls != nil }

    /// Reads and validates the TLS files, as each connection does.
    ///
    /// - Throws: `LineConnectionError.tls`.
    package func checkFiles() throws(LineConnectionError) {
        _ = try ConnectionSecurity(self, timeoutSeconds: LineConnection.connectTimeoutSecondsDefault)
    }

    /// Whether host and port are equal, whatever the connection settings.
    func isSamePlace(as other: MasterAddress) -> Bool { host == other.host && port == other.port }

    /// `HOST:PORT`, with `podlings://` before it where the connection has TLS.
    public var description: String {
        (tls == nil ? "" : "podlings://") + HostPort(host, port).description
    }

    private static func hostAddress(_ settings: ConnectionSettings) throws(SettingFault) -> String? {
        guard let setting = settings[.hostAddress] else { return nil }
        guard PeerName.isAddress(try setting.path()) else {
            throw SettingFault("\(setting.title) must be an IP address, not '\(setting.text)'")
        }
        return setting.text
    }
}

/// The reason why a text is not a valid master address.
public struct MasterAddressError: Error, Hashable, CustomStringConvertible {
    /// The text without what may be secret: user, password and parameters.
    public let text: String
    /// What is wrong with it.
    public let fault: String

    init(_ text: String, _ fault: String) {
        self.text = MasterURL.withoutSecrets(text)
        self.fault = fault
    }

    /// The text and its fault, on one line.
    public var description: String { "bad master address '\(text)': \(fault)" }
}
