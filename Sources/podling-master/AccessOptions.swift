import ArgumentParser
import PodlingPostgres

/// The options for the location of the tokens.
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

    func validate() throws { _ = try tokensSetting }

    /// nil where no token is required.
    private var tokensSetting: String? {
        get throws { try Setting.value(tokens, "--tokens", "PODLING_TOKENS_FILE") }
    }

    var asksForTokens: Bool { get throws { try tokensSetting != nil } }

    /// The location of the tokens; nil where none is required.
    ///
    /// - Throws: `ValidationError`, and `PGError` where the tables are outdated.
    func place(mayMigrate: Bool) async throws -> TokenPlace? {
        guard let setting = try tokensSetting else { return nil }
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
