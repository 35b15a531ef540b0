/// A member of an object: a name and its value.
public struct JSONMember {
    /// The name; its kind is `JSONKind.key`.
    public let key: JSONValue
    /// The value.
    public let value: JSONValue

    @inlinable
    init(key: JSONValue, value: JSONValue) {
        self.key = key
        self.value = value
    }

    /// The unescaped name.
    public var name: String { key.string() ?? "" }

    /// Whether this is the name, escaped or not.
    @inlinable
    public func keyEquals(_ text: StaticString) -> Bool { key.contentEquals(text) }

    /// The member's byte range in the line: from the name's opening quote to the end of the value.
    @inlinable
    public var range: Range<Int> {
        Range(uncheckedBounds: (key.rawRange.lowerBound, value.rawRange.upperBound))
    }

    /// The member's bytes as they stand in the line.
    @inlinable
    public var raw: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: key.base + range.lowerBound, count: range.count)
    }
}

/// The members of an object, in the order of the line.
public struct JSONMembers: Sequence, IteratorProtocol {
    @usableFromInline let base: UnsafeRawPointer
    @usableFromInline var cursor: UnsafePointer<JSONTapeEntry>
    @usableFromInline let past: UnsafePointer<JSONTapeEntry>

    @inlinable
    init(_ value: JSONValue) {
        base = value.base
        cursor = value.entry + 1
        past = value.kind == .object ? value.entry + Int(value.entry.pointee.span) : cursor
    }

    /// The next in the order of the line; nil after the last.
    @inlinable
    public mutating func next() -> JSONMember? {
        guard cursor < past else { return nil }
        let key = JSONValue(base: base, entry: cursor)
        let value = JSONValue(base: base, entry: cursor + 1)
        cursor = value.entry + Int(value.entry.pointee.span)
        return JSONMember(key: key, value: value)
    }
}

/// The elements of an array, in the order of the line.
public struct JSONElements: Sequence, IteratorProtocol {
    @usableFromInline let base: UnsafeRawPointer
    @usableFromInline var cursor: UnsafePointer<JSONTapeEntry>
    @usableFromInline let past: UnsafePointer<JSONTapeEntry>

    @inlinable
    init(_ value: JSONValue) {
        base = value.base
        cursor = value.entry + 1
        past = value.kind == .array ? value.entry + Int(value.entry.pointee.span) : cursor
    }

    /// The next in the order of the line; nil after the last.
    @inlinable
    public mutating func next() -> JSONValue? {
        guard cursor < past else { return nil }
        let value = JSONValue(base: base, entry: cursor)
        cursor += Int(value.entry.pointee.span)
        return value
    }
}

extension JSONValue {
    /// The members of an object; none for anything else.
    @inlinable
    public var members: JSONMembers { JSONMembers(self) }

    /// The elements of an array; none for anything else.
    @inlinable
    public var elements: JSONElements { JSONElements(self) }

    /// Members of an object or elements of an array; 0 for anything else.
    @inlinable
    public var count: Int {
        let stored = Int(entry.pointee.childCount)
        guard stored == Int(UInt16.max) else { return stored }
        return kind == .object ? members.reduce(0) { sum, _ in sum + 1 } : elements.reduce(0) { sum, _ in sum + 1 }
    }

    /// Looks up a member of an object by linear search; nil where there is none.
    @inlinable
    public subscript(_ name: StaticString) -> JSONValue? {
        for member in members where member.keyEquals(name) { return member.value }
        return nil
    }
}
