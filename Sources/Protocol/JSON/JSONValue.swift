/// A parsed line. Valid as long as `JSONReader.parse` says.
public struct JSONDocument {
    /// The top-level object.
    public let root: JSONValue
}

/// A value or a key in a parsed line: two pointers, cheap to copy. Valid as long as `JSONReader.parse` says.
public struct JSONValue {
    @usableFromInline let base: UnsafeRawPointer
    @usableFromInline let entry: UnsafePointer<JSONTapeEntry>

    @inlinable
    init(base: UnsafeRawPointer, entry: UnsafePointer<JSONTapeEntry>) {
        self.base = base
        self.entry = entry
    }

    /// The type of the value.
    @inlinable
    public var kind: JSONKind { entry.pointee.kind }

    /// Whether it is `null`.
    @inlinable
    public var isNull: Bool { kind == .null }

    /// Whether it is an object.
    @inlinable
    public var isObject: Bool { kind == .object }

    /// Whether it is an array.
    @inlinable
    public var isArray: Bool { kind == .array }

    /// Whether it is a string; a key is none.
    @inlinable
    public var isString: Bool { kind == .string }

    /// A number, whole or not.
    @inlinable
    public var isNumber: Bool { kind == .integer || kind == .real }

    /// The content of a string or key without its quotes, still escaped; of anything else, all of it.
    @inlinable
    var contentRange: Range<Int> {
        Range(uncheckedBounds: (Int(entry.pointee.start), Int(entry.pointee.end)))
    }

    /// The value's byte range in the line; with the quotes of a string.
    @inlinable
    public var rawRange: Range<Int> {
        let quote = kind == .string || kind == .key ? 1 : 0
        let content = contentRange
        return Range(uncheckedBounds: (content.lowerBound &- quote, content.upperBound &+ quote))
    }

    /// The value's bytes as they stand in the line; with the quotes of a string.
    @inlinable
    public var raw: UnsafeRawBufferPointer {
        let range = rawRange
        return UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
    }

    @inlinable
    var content: UnsafeRawBufferPointer {
        let range = contentRange
        return UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
    }

    /// `true` or `false`; nil for anything else.
    @inlinable
    public func bool() -> Bool? {
        switch kind {
        case .true: true
        case .false: false
        default: nil
        }
    }

    /// A number written without fraction and exponent, within ±(2^53-1); nil for anything else.
    @inlinable
    public func int() -> Int? {
        guard kind == .integer else { return nil }
        let text = content
        var value = 0
        var at = text[0] == UInt8(ascii: "-") ? 1 : 0
        let isNegative = at == 1
        while at < text.count {
            value = value &* 10 &+ Int(text[at] &- UInt8(ascii: "0"))
            at &+= 1
        }
        return isNegative ? 0 &- value : value
    }

    /// Any number, rounded to the nearest Double; nil for anything else.
    public func double() -> Double? {
        switch kind {
        case .integer: int().map(Double.init)
        case .real: JSONNumber.double(base, contentRange)
        default: nil
        }
    }
}
