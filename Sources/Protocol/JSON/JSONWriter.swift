/// Appends JSON to one growing buffer that it owns. Values are here; objects and arrays are in
/// `JSONWriter+Object.swift`.
public struct JSONWriter: ~Copyable {
    @usableFromInline var base: UnsafeMutableRawPointer
    @usableFromInline var capacity: Int
    @usableFromInline var filled = 0
    private let capacityInitial: Int
    /// The second that `cachedText` shows; one line often carries several instants of the same second.
    private var cachedSecond = Int64.min
    private var cachedText: (UInt64, UInt64, UInt64) = (0, 0, 0)

    /// An empty buffer, which grows as it must.
    ///
    /// - Parameter capacityBytes: its first size in bytes, at least 64.
    public init(capacityBytes: Int = 4096) {
        capacityInitial = max(capacityBytes, 64)
        capacity = capacityInitial
        base = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { base.deallocate() }

    /// Bytes written.
    @inlinable
    public var count: Int { filled }

    /// Clears the buffer and keeps its capacity.
    @inlinable
    public mutating func removeAll() { filled = 0 }

    /// Clears the buffer, and releases capacity above `shrinkAboveBytes`.
    public mutating func removeAll(shrinkAboveBytes: Int) {
        filled = 0
        guard capacity > max(shrinkAboveBytes, capacityInitial) else { return }
        base.deallocate()
        capacity = capacityInitial
        base = .allocate(byteCount: capacity, alignment: 16)
    }

    /// Discards what was written after the first `count` bytes.
    @inlinable
    public mutating func truncate(to count: Int) { filled = min(filled, max(count, 0)) }

    /// The bytes written, valid within `body` only.
    @inlinable
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try body(UnsafeRawBufferPointer(start: base, count: filled))
    }

    /// The bytes written in `range`, which is cut to what there is; valid within `body` only.
    @inlinable
    public func withUnsafeBytes<R>(
        in range: Range<Int>,
        _ body: (UnsafeRawBufferPointer) throws -> R
    ) rethrows -> R {
        let bounded = range.clamped(to: 0..<filled)
        return try body(UnsafeRawBufferPointer(start: base + bounded.lowerBound, count: bounded.count))
    }

    @inlinable
    @inline(__always)
    mutating func reserve(_ byteCount: Int) {
        if byteCount > capacity &- filled { grow(byteCount) }
    }

    @inline(never)
    @usableFromInline
    mutating func grow(_ byteCount: Int) {
        capacity = max(capacity * 2, filled + byteCount)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        larger.copyMemory(from: base, byteCount: filled)
        base.deallocate()
        base = larger
    }
}

extension JSONWriter {
    /// Appends one byte verbatim, such as a bracket.
    @inlinable
    public mutating func byte(_ byte: UInt8) {
        reserve(1)
        base.storeBytes(of: byte, toByteOffset: filled, as: UInt8.self)
        filled &+= 1
    }

    /// Appends LF, the end of a line.
    @inlinable
    public mutating func newline() { byte(0x0A) }

    /// Appends text verbatim: punctuation, names, whole members.
    @inlinable
    public mutating func raw(_ text: StaticString) {
        precondition(text.hasPointerRepresentation, "a single scalar: write a byte")
        let count = text.utf8CodeUnitCount
        reserve(count)
        (base + filled).copyMemory(from: text.utf8Start, byteCount: count)
        filled &+= count
    }

    /// Appends bytes verbatim; they must be valid JSON in their place.
    @inlinable
    public mutating func raw(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        reserve(bytes.count)
        (base + filled).copyMemory(from: start, byteCount: bytes.count)
        filled &+= bytes.count
    }

    /// Appends bytes verbatim; they must be valid JSON in their place.
    @inlinable
    public mutating func raw(_ bytes: [UInt8]) {
        let start = filled
        reserve(bytes.count)
        bytes.withUnsafeBytes { source in
            (base + start).copyMemory(from: source.baseAddress ?? UnsafeRawPointer(base), byteCount: source.count)
        }
        filled &+= bytes.count
    }

    /// Appends `true` or `false`.
    @inlinable
    public mutating func bool(_ value: Bool) {
        if value { raw("true") } else { raw("false") }
    }

    /// Appends an integer in decimal, without quotes.
    public mutating func int(_ value: Int) {
        let digitsMax = 20
        reserve(digitsMax)
        var magnitude = value.magnitude
        var length = 1
        var bound: UInt = 10
        while magnitude >= bound, length < digitsMax - 1 {
            length &+= 1
            bound = bound &* 10
        }
        if value < 0 {
            base.storeBytes(of: UInt8(ascii: "-"), toByteOffset: filled, as: UInt8.self)
            filled &+= 1
        }
        var at = filled &+ length
        filled = at
        repeat {
            let (quotient, digit) = magnitude.quotientAndRemainder(dividingBy: 10)
            at &-= 1
            base.storeBytes(of: UInt8(ascii: "0") &+ UInt8(digit), toByteOffset: at, as: UInt8.self)
            magnitude = quotient
        } while magnitude > 0
    }

    /// Appends an instant in quotes, RFC 3339 in UTC with milliseconds: `"2026-11-23T22:31:07.123Z"`.
    /// Instants outside the range of RFC 3339 are clamped to it.
    public mutating func timestamp(milliseconds: Int64) {
        let quotedByteCount = Timestamp.byteCount + 2
        reserve(quotedByteCount)
        let (second, millisecond) = Timestamp.split(milliseconds)
        if second != cachedSecond {
            Swift.withUnsafeMutableBytes(of: &cachedText) { text in
                text[0] = UInt8(ascii: "\"")
                if let start = text.baseAddress { Timestamp.writeSecond(second, to: start + 1) }
            }
            cachedSecond = second
        }
        let out = base + filled
        out.storeBytes(of: cachedText.0, toByteOffset: 0, as: UInt64.self)
        out.storeBytes(of: cachedText.1, toByteOffset: 8, as: UInt64.self)
        out.storeBytes(of: cachedText.2, toByteOffset: 16, as: UInt64.self)
        Timestamp.writeMillisecond(millisecond, to: out + 1 + Timestamp.secondByteCount)
        out.storeBytes(of: UInt8(ascii: "\""), toByteOffset: quotedByteCount - 1, as: UInt8.self)
        filled &+= quotedByteCount
    }
}
