import ArgumentParser
import PodlingClient

/// The flags for TLS and authentication that the client and the worker share. The master's URL, then the environment,
/// provides what is not given.
package struct SecurityOptions: ParsableArguments {
    @Option(
        name: .customLong("sslmode"),
        help: ArgumentHelp(
            "disable, require, verify-ca or verify-full.",
            discussion: """
                How the master is checked. With podlings:// the default is verify-full: its certificate must come from a CA of \
                --sslrootcert and be made for the host. Each of these flags is also a parameter of the master's URL \
                (podlings://HOST?sslrootcert=FILE), and a variable: PODLING_SSLMODE and so on. A flag goes before the URL, \
                the URL before the environment.
                """,
            valueName: "mode"
        )
    )
    package var mode: String?

    @Option(
        name: .customLong("sslrootcert"),
        help: ArgumentHelp(
            "PEM file of the CAs that are trusted, or 'system' for those of this machine. Default: system.",
            valueName: "file"
        )
    )
    package var roots: String?

    @Option(
        name: .customLong("sslcert"),
        help: ArgumentHelp("PEM file of this side's certificate; needs --sslkey.", valueName: "file")
    )
    package var certificate: String?

    @Option(
        name: .customLong("sslkey"),
        help: ArgumentHelp("PEM file of its private key, which nobody else may read (0600).", valueName: "file")
    )
    package var key: String?

    @Option(
        name: .customLong("sslcrl"),
        help: ArgumentHelp("PEM file with a revocation list of each CA.", valueName: "file")
    )
    package var revocationLists: String?

    @Option(
        name: .customLong("ssl-min-protocol-version"),
        help: ArgumentHelp("TLSv1.2 (the default) or TLSv1.3.", valueName: "version")
    )
    package var minimumVersion: String?

    @Option(
        name: .customLong("sslsni"),
        help: ArgumentHelp(
            "1 (the default) tells the master in the clear which host is meant, 0 does not.",
            valueName: "0|1"
        )
    )
    package var serverName: String?

    @Option(
        name: .customLong("hostaddr"),
        help: ArgumentHelp(
            "IP address to dial instead of looking the host up; the certificate is still checked for the host.",
            valueName: "address"
        )
    )
    package var hostAddress: String?

    @Option(
        name: .customLong("token-file"),
        help: ArgumentHelp(
            "File with the token that the master knows this user by, which nobody else may read (0600).",
            discussion: """
                Environment: PODLING_TOKEN_FILE, or PODLING_TOKEN for the token itself. It is never sent in plaintext to another \
                machine.
                """,
            valueName: "file"
        )
    )
    package var tokenFile: String?

    package init() {}

    private var settings: ConnectionSettings {
        var settings = ConnectionSettings()
        settings.set(.mode, flag: mode)
        settings.set(.roots, flag: roots)
        settings.set(.certificate, flag: certificate)
        settings.set(.key, flag: key)
        settings.set(.revocationLists, flag: revocationLists)
        settings.set(.minimumVersion, flag: minimumVersion)
        settings.set(.serverName, flag: serverName)
        settings.set(.hostAddress, flag: hostAddress)
        return settings
    }

    /// - Parameters:
    ///   - text: one or more addresses, separated by commas.
    ///   - environment: returns the value of a variable.
    /// - Throws: `MasterAddressError`.
    package func addresses(
        _ text: String,
        environment: (String) -> String?
    ) throws(MasterAddressError) -> [MasterAddress] {
        try MasterAddress.list(
            parsing: text,
            flags: settings,
            environment: ConnectionSettings(environment: environment)
        )
    }

    /// - Throws: `AccessTokenError`.
    package func token(environment: (String) -> String?) throws(AccessTokenError) -> AccessToken? {
        try AccessToken.find(file: tokenFile, environment: environment)
    }
}
