/// A value that a member of an object may have.
public protocol JSONScalar {
    /// Appends the value as JSON.
    func writeJSON(to writer: inout JSONWriter)
}

extension Int: JSONScalar {
    /// Appends the value as JSON.
    @inlinable
    @inline(__always)
    public func writeJSON(to writer: inout JSONWriter) { writer.int(self) }
}

extension Bool: JSONScalar {
    /// Appends the value as JSON.
    @inlinable
    @inline(__always)
    public func writeJSON(to writer: inout JSONWriter) { writer.bool(self) }
}

extension String: JSONScalar {
    /// Appends the value as JSON.
    @inlinable
    @inline(__always)
    public func writeJSON(to writer: inout JSONWriter) { writer.string(self) }
}

/// Objects and arrays. The caller says which member is the first, so that a name and its punctuation are constants.
extension JSONWriter {
    // MARK: Names

    /// Begins an object with the name of its first member: `{"name":`.
    @inlinable
    @inline(__always)
    public mutating func beginObject(_ name: StaticString) { append(name, after: UInt8(ascii: "{")) }

    /// Appends the name of a further member: `,"name":`.
    @inlinable
    @inline(__always)
    public mutating func key(_ name: StaticString) { append(name, after: UInt8(ascii: ",")) }

    /// Ends an object.
    @inlinable
    public mutating func endObject() { byte(UInt8(ascii: "}")) }

    @inlinable
    @inline(__always)
    mutating func append(_ name: StaticString, after mark: UInt8) {
        let count = name.utf8CodeUnitCount
        reserve(count &+ 4)
        let out = base + filled
        out.storeBytes(of: mark, as: UInt8.self)
        out.storeBytes(of: UInt8(ascii: "\""), toByteOffset: 1, as: UInt8.self)
        (out + 2).copyMemory(from: name.utf8Start, byteCount: count)
        out.storeBytes(of: UInt8(ascii: "\""), toByteOffset: count &+ 2, as: UInt8.self)
        out.storeBytes(of: UInt8(ascii: ":"), toByteOffset: count &+ 3, as: UInt8.self)
        filled &+= count &+ 4
    }

    // MARK: Members

    /// Begins an object with its first member.
    @inlinable
    @inline(__always)
    public mutating func beginObject(_ name: StaticString, _ value: some JSONScalar) {
        beginObject(name)
        value.writeJSON(to: &self)
    }

    /// Begins an object with its first member: a string that needs no escaping.
    @inlinable
    @inline(__always)
    public mutating func beginObject(_ name: StaticString, word: StaticString) {
        beginObject(name)
        self.word(word)
    }

    /// Appends an object whose members are written already, joined by commas.
    @inlinable
    public mutating func object(ofMembers members: [UInt8]) {
        byte(UInt8(ascii: "{"))
        raw(members)
        endObject()
    }

    /// Appends an object of strings. The names must differ.
    @inlinable
    public mutating func object(ofStrings pairs: some Sequence<(key: String, value: String)>) {
        byte(UInt8(ascii: "{"))
        for (position, pair) in pairs.enumerated() {
            comma(before: position)
            string(pair.key)
            byte(UInt8(ascii: ":"))
            string(pair.value)
        }
        endObject()
    }

    /// Appends a further member of an object as it stands in another line.
    @inlinable
    public mutating func member(_ member: JSONMember) {
        byte(UInt8(ascii: ","))
        raw(member.raw)
    }

    /// Appends a further member of an object.
    @inlinable
    @inline(__always)
    public mutating func member(_ name: StaticString, _ value: some JSONScalar) {
        key(name)
        value.writeJSON(to: &self)
    }

    /// Appends a member, unless its value is missing.
    @inlinable
    @inline(__always)
    public mutating func member(_ name: StaticString, ifAny value: (some JSONScalar)?) {
        if let value { member(name, value) }
    }

    /// Appends a further member of an object: a string that needs no escaping.
    @inlinable
    @inline(__always)
    public mutating func member(_ name: StaticString, word: StaticString) {
        key(name)
        self.word(word)
    }

    /// Appends a member that is an instant.
    @inlinable
    @inline(__always)
    public mutating func member(_ name: StaticString, milliseconds: Int64) {
        key(name)
        timestamp(milliseconds: milliseconds)
    }

    /// Appends a member that is a number of thousandths, 0 or more, as a decimal: `1500` is `1.5`. A `Double` could print
    /// as something else.
    public mutating func member(_ name: StaticString, thousandths: Int) {
        member(name, thousandths / 1_000)
        var rest = thousandths % 1_000
        guard rest > 0 else { return }
        byte(UInt8(ascii: "."))
        var scale = 100
        while rest > 0 {
            byte(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest / scale))
            rest %= scale
            scale /= 10
        }
    }

    /// Appends a string that needs no escaping.
    @inlinable
    @inline(__always)
    public mutating func word(_ word: StaticString) {
        let count = word.utf8CodeUnitCount
        reserve(count &+ 2)
        let out = base + filled
        out.storeBytes(of: UInt8(ascii: "\""), as: UInt8.self)
        (out + 1).copyMemory(from: word.utf8Start, byteCount: count)
        out.storeBytes(of: UInt8(ascii: "\""), toByteOffset: count &+ 1, as: UInt8.self)
        filled &+= count &+ 2
    }

    /// Appends a quote: the begin or the end of a string whose pieces the caller appends.
    @inlinable
    public mutating func quote() { byte(UInt8(ascii: "\"")) }

    // MARK: Arrays

    /// Begins an array.
    @inlinable
    public mutating func beginArray() { byte(UInt8(ascii: "[")) }

    /// Ends an array.
    @inlinable
    public mutating func endArray() { byte(UInt8(ascii: "]")) }

    /// Appends the comma before an element, unless that is the first.
    @inlinable
    @inline(__always)
    public mutating func comma(before position: Int) {
        if position > 0 { byte(UInt8(ascii: ",")) }
    }
}
