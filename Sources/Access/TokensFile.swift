import PodlingProtocol

/// The format of a tokens file: a token on each line, `NAME ROLE NODE SHA256 CREATED`, with `-` where it is bound to no
/// node.
///
/// Blank lines and lines that begin with `#` are ignored.
package enum TokensFile {
    /// Size limit: a file is read whole.
    package static let bytesMax = 32 * 1024 * 1024
    package static let head = "# Tokens of podling-master: name, role, node, SHA-256 of the token, created.\n"

    /// - Throws: an error that names the invalid line.
    package static func records(of text: String) throws(TokenError) -> [TokenRecord] {
        var records: [TokenRecord] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.split { $0 == " " || $0 == "\t" || $0 == "\r" }
            guard let first = words.first, first.first != "#" else { continue }
            do {
                records.append(try record(words))
            } catch {
                throw TokenError("line \(index + 1): \(error)")
            }
        }
        return records
    }

    private static func record(_ words: [Substring]) throws(TokenError) -> TokenRecord {
        guard words.count == 5 else { throw TokenError("is not NAME ROLE NODE SHA256 CREATED") }
        guard let role = Role(rawValue: String(words[1])) else {
            throw TokenError("the role is one of \(Role.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        guard let digest = TokenDigest(hex: words[3]) else { throw TokenError("SHA256 is 64 hexadecimal digits") }
        var created = String(words[4])
        guard let createdAt = created.withUTF8({ Timestamp.parse(UnsafeRawBufferPointer($0)) }) else {
            throw TokenError("CREATED is a time such as 2026-01-31T12:00:00Z")
        }
        let node = words[2] == "-" ? nil : String(words[2])
        return try TokenRecord(name: String(words[0]), role: role, node: node, digest: digest, createdAt: createdAt)
    }

    /// Formats a record as one line, with its line feed.
    package static func line(_ record: TokenRecord) -> String {
        let created = Timestamp.format(record.createdAt)
        return "\(record.name) \(record.role.rawValue) \(record.node ?? "-") \(record.digest.hex) \(created)\n"
    }

    /// The text without the line of this name; nil where there is none. Comment lines stay.
    package static func text(_ text: String, without name: String) -> String? {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let kept = lines.filter { line in
            guard let first = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).first else { return true }
            return first.first == "#" || first != name
        }
        return kept.count == lines.count ? nil : kept.joined(separator: "\n")
    }
}
