/// The type of a JSON value.
public enum JSONKind: UInt8, Sendable {
    /// `integer` is a number without fraction and exponent, within ±(2^53-1); `real` is any other.
    case object, array, string, key, integer, real, `true`, `false`, null
}

/// A tape entry: one key or value of a parsed line.
@usableFromInline
struct JSONTapeEntry {
    /// Byte range in the line; for strings and keys without the quotes.
    @usableFromInline let start: UInt32
    @usableFromInline var end: UInt32
    /// Count of the entries of this value and all within it: `entry + span` is the next sibling.
    @usableFromInline var span: UInt32
    /// Members or elements of a container, saturating.
    @usableFromInline var childCount: UInt16 = 0
    @usableFromInline let kind: JSONKind
    /// A string or key whose text holds at least one backslash.
    @usableFromInline let isEscaped: Bool

    @inline(__always)
    init(_ kind: JSONKind, _ start: Int, _ end: Int, isEscaped: Bool = false) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.end = UInt32(truncatingIfNeeded: end)
        self.span = 1
        self.kind = kind
        self.isEscaped = isEscaped
    }
}

/// An open container, while its content is being read.
struct JSONFrame {
    var container = 0
    var memberCount = 0
    /// A Bloom filter of the keys seen, one bit each by a weak hash: a clear bit proves that a key is new.
    var keyBits: UInt64 = 0
    var isObject = true
}
