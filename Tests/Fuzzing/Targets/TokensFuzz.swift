import PodlingAccess

/// The tokens file: what is read of it is written as lines that mean the same.
enum TokensFuzz {
    static func run(_ bytes: UnsafeRawBufferPointer) {
        guard let records = try? TokensFile.records(of: String(decoding: bytes, as: UTF8.self)) else { return }
        let text = records.map(TokensFile.line).joined()
        guard let again = try? TokensFile.records(of: text) else { return require(false, "not read: \(text)") }
        require(again.map(TokensFile.line).joined() == text, "another text: \(text)")
        for record in records {
            let rest = TokensFile.text(text, without: record.name)
            require(rest != nil, "\(record.name) is not found")
        }
    }
}
