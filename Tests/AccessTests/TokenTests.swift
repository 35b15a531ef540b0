import PodlingAccess
import Testing

@Suite struct TokenTests {
    @Test func tokensAreLongAndOfOneForm() {
        var seen: Set<String> = []
        for _ in 0..<1_000 {
            let token = Token.make()
            #expect(token.hasPrefix(Token.prefix))
            let secret = token.dropFirst(Token.prefix.count)
            #expect(secret.count == 43)
            #expect(secret.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") })
            seen.insert(token)
        }
        #expect(seen.count == 1_000)
    }

    /// FIPS 180-2, appendix B.1.
    @Test func theHashIsSHA256() throws {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(try Token.digest(of: "abc").hex == abc)
        #expect(TokenDigest(hex: abc) == (try Token.digest(of: "abc")))
        #expect(TokenDigest(hex: abc.uppercased()) == (try Token.digest(of: "abc")))
        for wrong in ["", "ba78", abc + "0", String(repeating: "g", count: 64)] {
            #expect(TokenDigest(hex: wrong) == nil)
        }
    }

    @Test func everyByteOfTheHashCounts() throws {
        let token = try Token.digest(of: "a")
        for index in 0..<64 {
            var digits = Array(token.hex)
            digits[index] = digits[index] == "0" ? "1" : "0"
            let other = try #require(TokenDigest(hex: String(digits)))
            #expect(other != token)
            let record = try TokenRecord(name: "n", role: .client, node: nil, digest: token, createdAt: 0)
            #expect(try TokenTable([record]).identity(of: other) == nil)
        }
    }

    @Test func aFileIsReadAndWritten() throws {
        let records = [
            try TokenRecord(name: "w", role: .worker, node: "n1", digest: Token.digest(of: "1"), createdAt: 1_000),
            try TokenRecord(name: "ci", role: .client, node: nil, digest: Token.digest(of: "2"), createdAt: 2_000),
        ]
        let text = TokensFile.head + "\n" + records.map(TokensFile.line).joined()
        #expect(try TokensFile.records(of: text) == records)
        #expect(try TokensFile.records(of: "") == [])
        #expect(!text.contains("podling_"))
        let rest = try #require(TokensFile.text(text, without: "w"))
        #expect(try TokensFile.records(of: rest) == [records[1]])
        #expect(rest.hasPrefix(TokensFile.head))
        #expect(TokensFile.text(text, without: "nobody") == nil)
        #expect(TokensFile.text("# w is no token\n", without: "#") == nil)
        let table = try TokenTable(records)
        #expect(table.identity(of: try Token.digest(of: "1")) == Identity(role: .worker, name: "w", node: "n1"))
        #expect(table.identity(of: try Token.digest(of: "3")) == nil)
    }

    static let hash = String(repeating: "0f", count: 32)
    static let faults = [
        ("a client -", "line 1", "NAME ROLE NODE"),
        ("a root - \(hash) 2026-01-01T00:00:00Z", "line 1", "worker, client, reader, admin"),
        ("# remark\na client - abc 2026-01-01T00:00:00Z", "line 2", "64"),
        ("a client - \(hash) yesterday", "line 1", "CREATED"),
        ("a client n1 \(hash) 2026-01-01T00:00:00Z", "line 1", "only a worker"),
        ("a/b client - \(hash) 2026-01-01T00:00:00Z", "line 1", "a name"),
        ("a worker n/1 \(hash) 2026-01-01T00:00:00Z", "line 1", "a node id"),
    ]

    @Test(arguments: faults)
    func whatIsWrongIsSaidWithItsLine(text: String, line: String, word: String) {
        let error = #expect(throws: TokenError.self) { try TokensFile.records(of: text) }
        #expect(error?.description.hasPrefix(line) == true)
        #expect(error?.description.contains(word) == true)
        #expect(error?.description.contains(Self.hash) == false)
    }

    @Test func namesAndSecretsAreNotShared() throws {
        let one = try TokenRecord(name: "a", role: .client, node: nil, digest: Token.digest(of: "1"), createdAt: 0)
        var other = one
        other.digest = try Token.digest(of: "2")
        #expect(throws: TokenError.self) { try TokenTable([one, other]) }
        other = one
        other.name = "b"
        #expect(throws: TokenError.self) { try TokenTable([one, other]) }
    }
}
