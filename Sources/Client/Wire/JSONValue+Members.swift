import PodlingProtocol

extension JSONValue {
    /// Reads a required string member.
    func required(_ name: StaticString) throws -> String {
        guard let value = self[name]?.string() else { throw ClientError.badReply("no \(name)") }
        return value
    }

    /// The members of an object of strings, in order.
    var stringPairs: [(name: String, value: String)] {
        members.compactMap { member in member.value.string().map { (member.name, $0) } }
    }

    /// Parses an RFC 3339 time, as milliseconds since 1970.
    var timestamp: Int64? { withUTF8 { $0.isEmpty ? nil : Timestamp.parse($0) } }
}
