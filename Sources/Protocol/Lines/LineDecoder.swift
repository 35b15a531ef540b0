/// How a call of `LineDecoder.process` ended.
public enum LineDecoderResult: Sendable, Equatable {
    /// Every complete line was delivered; the rest is buffered until more arrives.
    case ok
    /// The body asked to stop; what follows its line is buffered for `resume`.
    case stopped
    /// A line is longer than `lineBytesMax`. The lines before it were delivered; the connection cannot recover.
    case lineTooLong
}

/// Splits a stream of bytes into lines: LF ends a line, one CR before it is dropped, blank lines are skipped.
///
/// A line that lies within a chunk is delivered in place, without a copy; only a partial line is copied. A partial line
/// at the end of the stream is never delivered.
public struct LineDecoder: ~Copyable {
    /// Buffer capacity above this is released as soon as the buffer is empty.
    private static let bufferBytesKeptMax = 4 * 1024
    private static let bufferBytesMin = 256

    /// The longest line accepted: content bytes, without LF and the one CR.
    public var lineBytesMax: Int

    private var buffer: UnsafeMutableRawPointer?
    private var capacity = 0
    /// The buffered bytes are `head..<filled`; those in `head..<scanned` are known to hold no LF.
    private var head = 0
    private var scanned = 0
    private var filled = 0
    private var isBroken = false

    /// A decoder with an empty buffer.
    ///
    /// - Parameter lineBytesMax: the longest line accepted, in bytes, without LF and the one CR.
    public init(lineBytesMax: Int = Limits.lineBytesBeforeHelloMax) {
        self.lineBytesMax = lineBytesMax
    }

    deinit { buffer?.deallocate() }

    /// Count of buffered bytes: a partial line, or after `.stopped` whatever has not been delivered.
    public var partialCount: Int { filled - head }

    /// Delivers every complete line to `body`, first those buffered, then those of `chunk`.
    ///
    /// - Parameters:
    ///   - chunk: the bytes that follow those of the call before.
    ///   - body: gets the line, valid during the call only, and `lineBytesMax`, which it may change for the lines
    ///     after; it returns false to stop.
    /// - Returns: `.lineTooLong` from the first such line on, whatever comes.
    public mutating func process(
        _ chunk: UnsafeRawBufferPointer,
        _ body: (_ line: UnsafeRawBufferPointer, _ lineBytesMax: inout Int) -> Bool
    ) -> LineDecoderResult {
        guard !isBroken else { return .lineTooLong }
        guard partialCount > 0 else { return processInPlace(chunk, body) }
        guard let start = chunk.baseAddress else { return resume(body) }
        // A partial line needs bytes only up to its own end; after a stop the buffer may hold whole lines.
        let isPartial = scanned == filled
        let feed = isPartial ? ByteScan.lineFeed(start, from: 0, end: chunk.count) : chunk.count
        let taken = min(feed + 1, chunk.count)
        guard !isPartial || partialCount + feed <= lineBytesMax + 1 else {
            isBroken = true
            return .lineTooLong
        }
        append(UnsafeRawBufferPointer(rebasing: chunk[..<taken]))
        let result = resume(body)
        guard taken < chunk.count else { return result }
        let rest = UnsafeRawBufferPointer(rebasing: chunk[taken...])
        switch result {
        case .ok: return processInPlace(rest, body)
        case .stopped: append(rest)
        case .lineTooLong: break
        }
        return result
    }

    /// Delivers every complete line to a body that leaves `lineBytesMax` alone.
    ///
    /// - Parameters:
    ///   - chunk: the bytes that follow those of the call before.
    ///   - body: gets the line, valid during the call only; it returns false to stop.
    public mutating func process(
        _ chunk: UnsafeRawBufferPointer,
        _ body: (_ line: UnsafeRawBufferPointer) -> Bool
    ) -> LineDecoderResult {
        process(chunk) { line, _ in body(line) }
    }

    /// Buffers bytes without looking at them; `resume` or `process` delivers their lines.
    package mutating func keep(_ bytes: UnsafeRawBufferPointer) {
        if !isBroken { append(bytes) }
    }

    /// Continues with the buffered bytes after a body asked to stop, or after bytes were kept.
    ///
    /// - Parameter body: as for `process`.
    public mutating func resume(
        _ body: (_ line: UnsafeRawBufferPointer, _ lineBytesMax: inout Int) -> Bool
    ) -> LineDecoderResult {
        guard !isBroken else { return .lineTooLong }
        guard partialCount > 0, let kept = buffer else { return .ok }
        let bytes = UnsafeRawBufferPointer(start: kept + head, count: partialCount)
        let outcome = deliver(bytes, scanned: scanned - head, body)
        head += outcome.consumed
        scanned = outcome.result == .ok ? filled : head
        if head == filled { releaseBuffer() }
        return outcome.result
    }

    private mutating func processInPlace(
        _ chunk: UnsafeRawBufferPointer,
        _ body: (_ line: UnsafeRawBufferPointer, _ lineBytesMax: inout Int) -> Bool
    ) -> LineDecoderResult {
        let outcome = deliver(chunk, scanned: 0, body)
        if outcome.result != .lineTooLong && outcome.consumed < chunk.count {
            append(UnsafeRawBufferPointer(rebasing: chunk[outcome.consumed...]))
            scanned = outcome.result == .ok ? filled : head
        }
        return outcome.result
    }

    /// Delivers the complete lines of `bytes`, whose first `scanned` bytes hold no LF.
    private mutating func deliver(
        _ bytes: UnsafeRawBufferPointer,
        scanned: Int,
        _ body: (_ line: UnsafeRawBufferPointer, _ lineBytesMax: inout Int) -> Bool
    ) -> (result: LineDecoderResult, consumed: Int) {
        guard let base = bytes.baseAddress else { return (.ok, 0) }
        var start = 0
        var from = scanned
        while true {
            let feed = ByteScan.lineFeed(base, from: from, end: bytes.count)
            var end = feed
            if end > start, ByteScan.byte(base, end - 1) == 0x0D { end -= 1 }
            guard end - start <= lineBytesMax else {
                isBroken = true
                return (.lineTooLong, start)
            }
            guard feed < bytes.count else { return (.ok, start) }
            let line = UnsafeRawBufferPointer(start: base + start, count: end - start)
            start = feed + 1
            from = start
            if Self.isBlank(line) { continue }
            guard body(line, &lineBytesMax) else { return (.stopped, start) }
        }
    }

    @inline(__always)
    private static func isBlank(_ line: UnsafeRawBufferPointer) -> Bool {
        for byte in line where byte != 0x20 && byte != 0x09 && byte != 0x0D { return false }
        return true
    }

    private mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        if capacity - filled < bytes.count { makeRoom(bytes.count) }
        buffer?.advanced(by: filled).copyMemory(from: source, byteCount: bytes.count)
        filled += bytes.count
    }

    /// Moves the buffered bytes to the front, of a larger buffer where necessary.
    private mutating func makeRoom(_ byteCount: Int) {
        let kept = partialCount
        let old = buffer
        if kept + byteCount > capacity {
            capacity = max(kept + byteCount, kept * 2, Self.bufferBytesMin)
            buffer = .allocate(byteCount: capacity, alignment: 16)
        }
        if let old, let buffer {
            buffer.copyMemory(from: old + head, byteCount: kept)
            if old != buffer { old.deallocate() }
        }
        (head, scanned, filled) = (0, scanned - head, kept)
    }

    private mutating func releaseBuffer() {
        (head, scanned, filled) = (0, 0, 0)
        guard capacity > Self.bufferBytesKeptMax else { return }
        buffer?.deallocate()
        buffer = nil
        capacity = 0
    }
}
