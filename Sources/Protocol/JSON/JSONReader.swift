/// Reads lines of I-JSON (RFC 8259, RFC 7493) without allocating: every line is checked in full, ignored
/// members included, and indexed on a tape that the reader owns and reuses.
///
/// One deviation from RFC 7493: noncharacters such as U+FFFF are accepted, as RFC 8259 allows them.
public struct JSONReader: ~Copyable {
    /// Tapes above this many entries (16 bytes each) are released before the next line.
    private static let tapeEntriesKeptMax = 64 * 1024
    private static let tapeEntriesMin = 256

    private let depthMax: Int
    private let frames: UnsafeMutablePointer<JSONFrame>
    private var tape: UnsafeMutablePointer<JSONTapeEntry>
    private var tapeCapacity: Int

    /// A reader with a tape of 4 KiB, which grows with the lines.
    ///
    /// - Parameter depthMax: containers open at once, the top-level object included.
    public init(depthMax: Int = Limits.jsonDepthMax) {
        self.depthMax = max(depthMax, 1)
        frames = .allocate(capacity: self.depthMax)
        tapeCapacity = Self.tapeEntriesMin
        tape = .allocate(capacity: tapeCapacity)
    }

    deinit {
        frames.deallocate()
        tape.deallocate()
    }

    /// Reads one text, whose top-level value must be an object; white space round it is allowed.
    ///
    /// The document and every value taken from it point into `line` and into this reader's tape: they are valid
    /// until the next `parse`, while the bytes of `line` live and do not change.
    ///
    /// - Throws: `JSONError` with the first fault, in linear time.
    public mutating func parse(_ line: UnsafeRawBufferPointer) throws(JSONError) -> JSONDocument {
        guard let base = line.baseAddress else { throw JSONError(kind: .empty, offset: 0) }
        guard line.count < Int(UInt32.max) else { throw JSONError(kind: .tooLarge, offset: 0) }
        reserveTape(JSONScanner.entriesMax(byteCount: line.count, depthMax: depthMax))
        var scanner = JSONScanner(line, base: base, tape: tape, frames: frames, depthMax: depthMax)
        do throws(JSONFault) {
            try scanner.run()
        } catch {
            throw describe(error, line)
        }
        return JSONDocument(root: JSONValue(base: base, entry: UnsafePointer(tape)))
    }

    private mutating func reserveTape(_ entryCount: Int) {
        let isOversized = tapeCapacity > Self.tapeEntriesKeptMax && entryCount <= Self.tapeEntriesKeptMax
        guard entryCount > tapeCapacity || isOversized else { return }
        tape.deallocate()
        tapeCapacity = max(entryCount, Self.tapeEntriesMin)
        tape = .allocate(capacity: tapeCapacity)
    }

    @inline(never)
    private func describe(_ fault: JSONFault, _ line: UnsafeRawBufferPointer) -> JSONError {
        switch fault.kind {
        case .duplicateMember:
            JSONError(kind: fault.kind, offset: fault.offset, detail: Self.name(at: fault.offset, line))
        case .tooDeep:
            JSONError(kind: fault.kind, offset: fault.offset, detail: String(depthMax))
        default:
            JSONError(kind: fault.kind, offset: fault.offset)
        }
    }

    /// The key whose opening quote is at `offset`, still escaped, cut to a length fit for a message.
    private static func name(at offset: Int, _ line: UnsafeRawBufferPointer) -> String {
        let nameBytesMax = 64
        var end = offset + 1
        while end < line.count, line[end] != UInt8(ascii: "\"") { end += line[end] == UInt8(ascii: "\\") ? 2 : 1 }
        let text = line[offset + 1..<min(end, line.count)]
        guard text.count > nameBytesMax else { return String(decoding: text, as: UTF8.self) }
        return String(decoding: text.prefix(nameBytesMax), as: UTF8.self) + "..."
    }
}
