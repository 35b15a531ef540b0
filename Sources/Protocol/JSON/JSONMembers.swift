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

/// Walks over what an object or an array holds.
@usableFromInline
struct JSONCursor {
    @usableFromInline let base: UnsafeRawPointer
    @usableFromInline var entry: UnsafePointer<JSONTapeEntry>
    @usableFromInline let past: UnsafePointer<JSONTapeEntry>

    /// Has nothing before it where the value is of another kind.
    @inlinable
    init(into value: JSONValue, _ kind: JSONKind) {
        base = value.base
        entry = value.entry + 1
        past = value.kind == kind ? value.entry + Int(value.entry.pointee.span) : entry
    }

    @inlinable
    var isAtEnd: Bool { entry >= past }

    /// The value here; the cursor moves past it and all within it.
    @inlinable
    mutating func take() -> JSONValue {
        let value = JSONValue(base: base, entry: entry)
        entry += Int(entry.pointee.span)
        return value
    }

    /// The name here, which holds nothing.
    @inlinable
    mutating func takeKey() -> JSONValue {
        let key = JSONValue(base: base, entry: entry)
        entry += 1
        return key
    }
}

/// The members of an object, in the order of the line.
public struct JSONMembers: Sequence, IteratorProtocol {
    @usableFromInline var cursor: JSONCursor

    @inlinable
    init(_ value: JSONValue) { cursor = JSONCursor(into: value, .object) }

    /// The next in the order of the line; nil after the last.
    @inlinable
    public mutating func next() -> JSONMember? {
        guard !cursor.isAtEnd else { return nil }
        let key = cursor.takeKey()
        return JSONMember(key: key, value: cursor.take())
    }
}

/// The elements of an array, in the order of the line.
public struct JSONElements: Sequence, IteratorProtocol {
    @usableFromInline var cursor: JSONCursor

    @inlinable
    init(_ value: JSONValue) { cursor = JSONCursor(into: value, .array) }

    /// The next in the order of the line; nil after the last.
    @inlinable
    public mutating func next() -> JSONValue? { cursor.isAtEnd ? nil : cursor.take() }
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
