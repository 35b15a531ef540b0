import PodlingProtocol

/// The JSON reader: a text that it takes can be read by each accessor, and written again with the same content.
enum ReaderFuzz {
    static func run(_ bytes: UnsafeRawBufferPointer) {
        var reader = JSONReader()
        guard let document = try? reader.parse(bytes) else { return }
        read(document.root)
        var writer = JSONWriter(capacityBytes: bytes.count + 16)
        write(document.root, to: &writer)
        writer.withUnsafeBytes { again in
            var second = JSONReader()
            guard let copy = try? second.parse(again) else { return require(false, "what was written is not read") }
            require(copy.root.hasContent(of: document.root), "what was written has another content")
        }
    }

    private static func read(_ value: JSONValue) {
        _ = (value.int(), value.double(), value.bool(), value.raw.count)
        if value.isString { require(value.string() != nil, "a string without a text") }
        require(value.hasContent(of: value), "a value differs from itself")
        for member in value.members { read(member.value) }
        for element in value.elements { read(element) }
    }

    private static func write(_ value: JSONValue, to writer: inout JSONWriter) {
        switch value.kind {
        case .object:
            writer.byte(UInt8(ascii: "{"))
            for (position, member) in value.members.enumerated() {
                writer.comma(before: position)
                writer.string(member.name)
                writer.byte(UInt8(ascii: ":"))
                write(member.value, to: &writer)
            }
            writer.endObject()
        case .array:
            writer.beginArray()
            for (position, element) in value.elements.enumerated() {
                writer.comma(before: position)
                write(element, to: &writer)
            }
            writer.endArray()
        case .string: writer.string(value.string() ?? "")
        default: writer.raw(Array(value.raw))
        }
    }
}
