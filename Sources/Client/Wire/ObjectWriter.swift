import PodlingProtocol

/// Writes one JSON object member by member, such as a task spec; a member whose value is nil is omitted.
///
/// The names are not compared: a member that is written twice makes an object that a master refuses.
public struct ObjectWriter: ~Copyable {
    private var writer = JSONWriter(capacityBytes: 512)

    /// An object without members.
    public init() {
        writer.byte(UInt8(ascii: "{"))
    }

    /// Appends a string, escaped as RFC 8259 asks.
    public mutating func string(_ name: String, _ value: String?) {
        guard let value else { return }
        self.name(name)
        writer.string(value)
    }

    /// Appends an integer. A master takes those within ±(2^53-1).
    public mutating func int(_ name: String, _ value: Int?) {
        guard let value else { return }
        self.name(name)
        writer.int(value)
    }

    /// Appends `true` or `false`.
    public mutating func bool(_ name: String, _ value: Bool?) {
        guard let value else { return }
        self.name(name)
        writer.bool(value)
    }

    /// Appends an array of strings; omitted where it is empty.
    public mutating func strings(_ name: String, _ values: [String]) {
        guard !values.isEmpty else { return }
        self.name(name)
        writer.byte(UInt8(ascii: "["))
        for (index, value) in values.enumerated() {
            if index > 0 { writer.byte(UInt8(ascii: ",")) }
            writer.string(value)
        }
        writer.byte(UInt8(ascii: "]"))
    }

    /// Appends an object of strings; omitted where it is empty. The names must differ.
    public mutating func pairs(_ name: String, _ pairs: [(name: String, value: String)]) {
        guard !pairs.isEmpty else { return }
        var object = ObjectWriter()
        for pair in pairs { object.string(pair.name, pair.value) }
        json(name, object.finish())
    }

    /// Appends an array of values that are JSON already; omitted where it is empty.
    public mutating func jsonArray(_ name: String, _ values: [[UInt8]]) {
        guard !values.isEmpty else { return }
        self.name(name)
        writer.byte(UInt8(ascii: "["))
        for (index, value) in values.enumerated() {
            if index > 0 { writer.byte(UInt8(ascii: ",")) }
            writer.raw(value)
        }
        writer.byte(UInt8(ascii: "]"))
    }

    /// Appends a value that is JSON already.
    public mutating func json(_ name: String, _ value: [UInt8]?) {
        guard let value else { return }
        self.name(name)
        writer.raw(value)
    }

    /// Appends the members of another object, which must be JSON already, without its braces.
    package mutating func members(of object: [UInt8]) {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
        guard
            let open = object.firstIndex(of: UInt8(ascii: "{")),
            let close = object.lastIndex(of: UInt8(ascii: "}")), open < close
        else { return }
        let inner = object[(open + 1)..<close]
        guard !inner.allSatisfy(isSpace) else { return }
        separate()
        // White space between tokens may include line ends, which would split the line.
        writer.raw(inner.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 })
    }

    /// The object's bytes, without a line ending.
    public consuming func finish() -> [UInt8] {
        writer.byte(UInt8(ascii: "}"))
        return writer.withUnsafeBytes { [UInt8]($0) }
    }

    private mutating func name(_ name: String) {
        separate()
        writer.string(name)
        writer.byte(UInt8(ascii: ":"))
    }

    private mutating func separate() {
        if writer.count > 1 { writer.byte(UInt8(ascii: ",")) }
    }
}
