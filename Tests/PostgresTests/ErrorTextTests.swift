import PodlingPostgres
import Testing

/// The one line that an operator reads.
struct ErrorTextTests {
    @Test(arguments: [
        ("password authentication failed for user \"a\"", "user \"a\". Check user"),
        ("connection failed: Connection refused; is it accepting connections?", "connections? Is PostgreSQL running"),
        ("could not translate host name \"a\" to address.", "address. Check the host"),
    ])
    func aCureFollowsAsASentence(message: String, joined: String) {
        let error = PGError(message: message, isConnectionLost: true)
        #expect(error.description.contains(joined))
        #expect(!error.description.contains("?."))
    }

    @Test func whatHasNoCureStandsAlone() {
        #expect(PGError(sqlState: "XX000", message: "odd").description == "odd (SQLSTATE XX000)")
    }
}
