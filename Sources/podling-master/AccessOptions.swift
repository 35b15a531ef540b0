import ArgumentParser
import FoundationEssentials
import PodlingAccess
import PodlingPostgres

/// Who may do what, as the command line and the environment say it.
struct AccessOptions: ParsableArguments {
    private static let database = "database"

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The file of tokens, or database; a master that has one asks each peer for its token (PODLING_TOKENS_FILE).",
            valueName: "file"
        )
    )
    var tokens: String?

    @Option(
        name: .customLong("tls-client-role"),
        help: ArgumentHelp(
            "What a certificate that names no node stands for: worker, client, reader, admin, or none, which needs a token "
                + "too (PODLING_TLS_CLIENT_ROLE; default client).",
            valueName: "role"
        )
    )
    var certificateRole: String?

    /// - Throws: `ValidationError`.
    func roleOfCertificates() throws -> Role? {
        let text = certificateRole ?? ProcessInfo.processInfo.environment["PODLING_TLS_CLIENT_ROLE"] ?? "client"
        guard text != "none" else { return nil }
        guard let role = Role(rawValue: text) else {
            throw ValidationError(
                "--tls-client-role: '\(text)' is no role: it may be worker, client, reader, admin or none."
            )
        }
        return role
    }

    func validate() throws { _ = try roleOfCertificates() }

    /// nil where nobody is asked for a token.
    private var tokensSetting: String? {
        let text = tokens ?? ProcessInfo.processInfo.environment["PODLING_TOKENS_FILE"]
        return text?.isEmpty == true ? nil : text
    }

    var asksForTokens: Bool { tokensSetting != nil }

    /// Where the tokens are; nil where nobody is asked for one.
    ///
    /// - Throws: `ValidationError`, and `PGError` where the tables are not as they need be.
    func place(mayMigrate: Bool) async throws -> TokenPlace? {
        guard let setting = tokensSetting else { return nil }
        guard setting == Self.database else { return .file(TokensOnDisk(path: setting)) }
        guard let url = try MasterOptions.databaseURL() else {
            throw ValidationError(
                "--tokens database keeps tokens in PostgreSQL: set STORE_TYPE=postgres and DATABASE_URL. "
                    + "A file of that name is ./database."
            )
        }
        let tokens = DatabaseTokens(url: url, mayMigrate: mayMigrate)
        do {
            try await tokens.prepare()
        } catch {
            await tokens.close()
            throw error
        }
        return .database(tokens)
    }
}
