import PodlingPostgres
import Testing

/// The one line that an operator reads.
struct ErrorTextTests {
    @Test(arguments: [
        ("fe_sendauth: no password supplied", "supplied. Put the password"),
        ("connection failed: Connection refused; is it accepting connections?", "connections? Is PostgreSQL running"),
        ("could not translate host name \"a\" to address.", "address. Check the host"),
    ])
    func aCureFollowsAsASentence(message: String, joined: String) {
        let error = PGError(message: message, isConnectionLost: true)
        #expect(error.description.contains(joined))
        #expect(!error.description.contains("?."))
    }

    /// A server says it in the language of its `lc_messages`.
    @Test(arguments: [
        ("28P01", "Passwort-Authentifizierung für Benutzer »a« fehlgeschlagen", "Check user", 77),
        ("28000", "Rolle »a« existiert nicht", "pg_hba.conf", 77),
        ("3D000", "Datenbank »a« existiert nicht", "CREATE DATABASE", 78),
        ("53300", "zu viele Verbindungen für Rolle »a«", "max_connections", 69),
        ("53300", "too many connections for role \"a\"", "max_connections", 69),
        ("57P03", "das Datenbanksystem startet", "Try again", 69),
        ("42501", "keine Berechtigung für Schema public", "GRANT", 77),
        ("25006", "kann INSERT nicht in einer Read-Only-Transaktion ausführen", "standby", 78),
    ]) func theCureGoesByTheCode(state: String, message: String, cure: String, exitCode: Int32) {
        let error = PGError(sqlState: state, message: message, isConnectionLost: true)
        #expect(error.cure?.contains(cure) == true, "\(error)")
        #expect(error.exitCode == exitCode)
    }

    @Test func whatHasNoCureStandsAlone() {
        #expect(PGError(sqlState: "XX000", message: "odd").description == "odd (SQLSTATE XX000)")
    }
}
