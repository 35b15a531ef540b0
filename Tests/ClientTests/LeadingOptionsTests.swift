import ArgumentParser
import TestSupport
import Testing

@testable import podling_client

@Suite struct LeadingOptionsTests {
    static let cases: [([String], [String])] = [
        ([], []),
        (["ps"], ["ps"]),
        (["--master", "db1", "ps", "--all"], ["ps", "--master", "db1", "--all"]),
        (["--master=db1", "--output", "json", "get", "t1"], ["get", "--master=db1", "--output", "json", "t1"]),
        (["--master", "db1", "run", "--", "--master"], ["run", "--master", "db1", "--", "--master"]),
        (["--sslmode", "require", "tls", "doctor", "db1"], ["tls", "doctor", "--sslmode", "require", "db1"]),
        // Without a command, what is left is answered; what lacks its value is left to the parser's own words.
        (["--master", "db1"], []),
        (["--master"], ["--master"]),
        (["--all", "ps"], ["--all", "ps"]),
        (["--master", "db1", "--help"], ["--help"]),
        (["--master", "db1", "nonsense"], ["nonsense"]),
    ]

    @Test(arguments: cases) func whatStandsBeforeTheCommandGoesBehindIt(arguments: [String], expected: [String]) {
        let parts: [String: Set<String>] = ["ps": [], "get": [], "run": [], "tls": ["doctor"]]
        #expect(LeadingOptions.moved(arguments, partsOf: parts) == expected)
    }

    @Test(arguments: [
        (["--master"], "--master"), (["--master", "db1", "--output"], "--output"), (["--master", "db1", "ps"], nil),
        (["--master", "--output", "json", "ps"], "--master"), (["--master=db1", "--sslmode"], "--sslmode"),
        (["ps", "--master"], nil), (["--all", "--master"], nil), (["--master="], nil),
    ]) func whatLacksItsValueIsNamed(arguments: [String], option: String?) {
        #expect(LeadingOptions.lackingValue(arguments) == option)
    }

    @Test func theProgramSaysWhichOptionLacksItsValue() async throws {
        let (ending, output) = try await onThread {
            let arguments = ["--output", "json", "--master"]
            let client = try ProgramProcess(ProductsDirectory.program("podling-client"), arguments)
            return (client.wait(deadline: .after(seconds: 20)), client.output)
        }
        #expect(ending == .exited(64))
        #expect(output.contains("Missing value for '--master'"), "\(output)")
    }

    /// An option that is new must be known here too.
    @Test func theyAreThoseOfEveryCommand() {
        let help = ConnectionOptions.helpMessage() + FormatOptions.helpMessage()
        let options = help.matches(of: /(?m)^ *(--[a-z-]+) </).map { String($0.1) }
        #expect(Set(options) == LeadingOptions.names)
    }

    @Test func whatSaysWhereTheMasterIsIsFoundAmongTheWords() {
        let words = [
            "podling-client", "--master", "db1", "get", "--output", "json", "--sslmode=require", "t1", "--master",
        ]
        #expect(LeadingOptions.ofConnection(words) == ["--master", "db1", "--sslmode=require"])
    }
}
