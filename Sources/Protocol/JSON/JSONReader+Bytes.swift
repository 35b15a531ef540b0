extension JSONReader {
    /// Parses `bytes` as one I-JSON object; the value passed to `body` is valid within it only.
    package static func read<R>(_ bytes: [UInt8], _ body: (JSONValue) throws -> R) throws -> R {
        var reader = JSONReader()
        return try bytes.withUnsafeBytes { try body(try reader.parse($0).root) }
    }

    /// Parses an object of which the members alone were kept.
    ///
    /// - Returns: nil if they are no I-JSON.
    package mutating func readObject<R>(ofMembers members: [UInt8], _ body: (JSONValue) -> R?) -> R? {
        ([UInt8(ascii: "{")] + members + [UInt8(ascii: "}")]).withUnsafeBytes { bytes in
            guard let root = try? parse(bytes).root else { return nil }
            return body(root)
        }
    }
}
