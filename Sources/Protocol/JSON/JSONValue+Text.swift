extension JSONValue {
    @inlinable
    var isText: Bool { kind == .string || kind == .key }

    /// The unescaped content of a string or key; nil for anything else.
    public func string() -> String? {
        guard isText else { return nil }
        let text = content
        guard entry.pointee.isEscaped else { return String(decoding: text, as: UTF8.self) }
        return String(unsafeUninitializedCapacity: text.count) { out in
            JSONText.unescape(text, into: UnsafeMutableRawBufferPointer(out))
        }
    }

    /// Calls `body` with the unescaped UTF-8 of a string or key, with no bytes for anything else.
    /// The bytes are valid within `body` only.
    @inlinable
    public func withUTF8<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        guard isText else { return try body(UnsafeRawBufferPointer(start: nil, count: 0)) }
        guard entry.pointee.isEscaped else { return try body(content) }
        return try withUnescaped(body)
    }

    @inline(never)
    @usableFromInline
    func withUnescaped<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        let text = content
        return try withUnsafeTemporaryAllocation(byteCount: text.count, alignment: 1) { scratch in
            let count = JSONText.unescape(text, into: scratch)
            return try body(UnsafeRawBufferPointer(rebasing: scratch[..<count]))
        }
    }

    /// Whether this is a string with just this content, escaped or not.
    @inlinable
    public func stringEquals(_ text: StaticString) -> Bool {
        kind == .string && contentEquals(text)
    }

    /// Whether this is a key with just this content, escaped or not.
    @inlinable
    public func keyEquals(_ text: StaticString) -> Bool {
        kind == .key && contentEquals(text)
    }

    @inlinable
    func contentEquals(_ text: StaticString) -> Bool {
        precondition(text.hasPointerRepresentation, "a single scalar is no name")
        if entry.pointee.isEscaped { return unescapedEquals(text) }
        let content = self.content
        guard content.count == text.utf8CodeUnitCount, let start = content.baseAddress else { return false }
        var at = 0
        while at < content.count {
            if start.load(fromByteOffset: at, as: UInt8.self) != text.utf8Start[at] { return false }
            at &+= 1
        }
        return true
    }

    @inline(never)
    @usableFromInline
    func unescapedEquals(_ text: StaticString) -> Bool {
        withUTF8 { bytes in
            bytes.elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        }
    }
}
