import ArgumentParser
import FoundationEssentials
import PodlingAccess
import PodlingCore

/// Who may do what, as the command line and the environment say it.
struct AccessOptions: ParsableArguments {
    @Option(
        name: .long,
        help: "The file of tokens; a master that has one asks each peer for its token (PODLING_TOKENS_FILE)."
    )
    var tokens: String?

    /// nil where nobody is asked for a token.
    var tokensPath: String? {
        let text = tokens ?? ProcessInfo.processInfo.environment["PODLING_TOKENS_FILE"]
        return text?.isEmpty == true ? nil : text
    }

    func file() throws -> TokensOnDisk {
        guard let path = tokensPath else {
            throw ValidationError("Say which file: --tokens FILE or PODLING_TOKENS_FILE.")
        }
        return TokensOnDisk(path: path)
    }

    /// - Throws: `TokenError`, where the tokens cannot be used.
    func apply(to core: inout CoreConfiguration) throws {
        guard let path = tokensPath else { return }
        core.isAuthenticated = true
        core.tokens = try TokenTable(TokensOnDisk(path: path).read())
    }
}
