/// The valid tokens, indexed by digest.
package struct TokenTable: Sendable, Equatable {
    package static let tokensMax = 100_000

    /// Keyed by `TokenDigest.bucket`.
    private let records: [UInt64: TokenRecord]

    /// Creates a table in which no token is valid.
    package init() { records = [:] }

    /// - Throws: where there are too many, or two share a name or a secret.
    package init(_ list: [TokenRecord]) throws(TokenError) {
        guard list.count <= Self.tokensMax else { throw TokenError("\(Self.tokensMax) tokens are the most") }
        var names: Set<String> = []
        var records: [UInt64: TokenRecord] = [:]
        for record in list {
            guard names.insert(record.name).inserted else {
                throw TokenError("two tokens have the name \(record.name)")
            }
            if let other = records.updateValue(record, forKey: record.digest.bucket) {
                throw TokenError("\(other.name) and \(record.name) are the same token")
            }
        }
        self.records = records
    }

    package var count: Int { records.count }

    /// The identity of the token with this digest; nil where there is none.
    package func identity(of digest: TokenDigest) -> Identity? {
        guard let record = records[digest.bucket], record.digest == digest else { return nil }
        return record.identity
    }
}
