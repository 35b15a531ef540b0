import PodlingProtocol

/// The values of the storage document's columns for a spec.
struct SpecColumns {
    var name: String?
    var image: String?
    /// A JSON object of strings, in the bytes that were sent.
    var env: [UInt8]?

    init() {}

    /// - Parameter spec: the members without the braces.
    init(_ spec: [UInt8], _ reader: inout JSONReader) {
        reader.readObject(ofMembers: spec) { root in
            name = root["name"]?.string() ?? ""
            image = root["image"]?.string() ?? ""
            guard let value = root.optional("env"), value.isObject else { return }
            // jsonb rejects an escaped NUL, and numbers beyond its range; the spec itself is kept whole.
            let isPlain = value.members.allSatisfy { $0.value.isString } && !Self.mentionsNUL(value.raw)
            if isPlain { env = [UInt8](value.raw) }
        }
    }

    private static func mentionsNUL(_ json: UnsafeRawBufferPointer) -> Bool {
        guard json.count >= 6 else { return false }
        return (0...json.count - 6).contains { start in
            json[start] == UInt8(ascii: "\\") && json[start..<start + 6].elementsEqual("\\u0000".utf8)
        }
    }
}
