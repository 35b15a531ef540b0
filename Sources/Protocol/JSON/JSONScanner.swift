/// Validates one text in one pass and writes its tape. Iterative: nesting costs a frame, not stack.
///
/// The caller provides `entriesMax` tape entries, so that appending needs no check.
struct JSONScanner {
    let base: UnsafeRawPointer
    let end: Int
    let tape: UnsafeMutablePointer<JSONTapeEntry>
    /// Capacity: `depthMax` frames.
    let frames: UnsafeMutablePointer<JSONFrame>
    let depthMax: Int

    var position = 0
    var entryCount = 0
    private var depth = 0
    private var frame = JSONFrame()

    init(
        _ line: UnsafeRawBufferPointer,
        base: UnsafeRawPointer,
        tape: UnsafeMutablePointer<JSONTapeEntry>,
        frames: UnsafeMutablePointer<JSONFrame>,
        depthMax: Int
    ) {
        self.base = base
        self.end = line.count
        self.tape = tape
        self.frames = frames
        self.depthMax = depthMax
    }

    /// Enough for any text: every complete entry takes at least two bytes (itself and the separator or bracket
    /// after it, or two brackets), and at most `depthMax` containers are open.
    static func entriesMax(byteCount: Int, depthMax: Int) -> Int { byteCount / 2 + depthMax + 2 }

    mutating func run() throws(JSONFault) {
        skipSpace()
        guard position < end else { throw JSONFault(.empty, at: position) }
        guard current == UInt8(ascii: "{") else { throw topFault() }
        var hasContent = try open(isObject: true)
        while true {
            if hasContent {
                frame.memberCount &+= 1
                if frame.isObject { try name() }
                hasContent = try value()
                if hasContent { continue }
            }
            if try separator() { break }
            hasContent = true
        }
        skipSpace()
        guard position == end else { throw JSONFault(.trailingBytes, at: position) }
    }

    @inline(__always)
    private var current: UInt8 { ByteScan.byte(base, position) }

    @inline(__always)
    private mutating func skipSpace() {
        while position < end {
            let byte = current
            if byte > 0x20 || !(byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D) { return }
            position &+= 1
        }
    }

    /// Enters a container. False where it is empty: its bracket is then left for `separator`.
    @inline(__always)
    private mutating func open(isObject: Bool) throws(JSONFault) -> Bool {
        guard depth < depthMax else { throw JSONFault(.tooDeep, at: position) }
        if depth > 0 { frames[depth &- 1] = frame }
        depth &+= 1
        frame = JSONFrame(container: entryCount, isObject: isObject)
        append(JSONTapeEntry(isObject ? .object : .array, position, position))
        position &+= 1
        skipSpace()
        return !(position < end && current == closer)
    }

    @inline(__always)
    private var closer: UInt8 { frame.isObject ? UInt8(ascii: "}") : UInt8(ascii: "]") }

    @inline(__always)
    private mutating func append(_ entry: JSONTapeEntry) {
        assert(entryCount < Self.entriesMax(byteCount: end, depthMax: depthMax))
        (tape + entryCount).initialize(to: entry)
        entryCount &+= 1
    }

    /// Reads what follows a value. True at the end of the top-level object.
    @inline(__always)
    private mutating func separator() throws(JSONFault) -> Bool {
        while true {
            skipSpace()
            guard position < end else { throw JSONFault(.unexpectedEnd, at: position) }
            let byte = current
            if byte == UInt8(ascii: ",") {
                position &+= 1
                skipSpace()
                return false
            }
            guard byte == closer else { throw JSONFault(.expectedCommaOrEnd, at: position) }
            position &+= 1
            let container = frame.container
            tape[container].end = UInt32(truncatingIfNeeded: position)
            tape[container].span = UInt32(truncatingIfNeeded: entryCount &- container)
            tape[container].childCount = UInt16(clamping: frame.memberCount)
            if frame.isObject && frame.memberCount > JSONKeys.pairwiseMax {
                try JSONKeys.checkWide(base, tape, container: container, memberCount: frame.memberCount)
            }
            depth &-= 1
            if depth == 0 { return true }
            frame = frames[depth &- 1]
        }
    }

    @inline(__always)
    private mutating func name() throws(JSONFault) {
        guard position < end, current == UInt8(ascii: "\"") else { throw contentFault(.expectedName) }
        let start = position &+ 1
        let isEscaped = try string()
        append(JSONTapeEntry(.key, start, position, isEscaped: isEscaped))
        if frame.memberCount <= JSONKeys.pairwiseMax {
            let bits = keyBits(start: start, isEscaped: isEscaped)
            if frame.keyBits & bits != 0 {
                try JSONKeys.checkLast(base, tape, container: frame.container, key: entryCount &- 1)
            }
            frame.keyBits |= bits
        }
        position &+= 1
        skipSpace()
        guard position < end, current == UInt8(ascii: ":") else {
            throw JSONFault(position < end ? .expectedColon : .unexpectedEnd, at: position)
        }
        position &+= 1
        skipSpace()
    }

    /// The Bloom-filter bit of a plain key that ends at `position`; every bit where the key cannot be hashed in one
    /// word.
    @inline(__always)
    private func keyBits(start: Int, isEscaped: Bool) -> UInt64 {
        guard !isEscaped, start &+ 8 <= end else { return .max }
        let count = position &- start
        var word = ByteScan.word(base, start)
        if count < 8 { word &= (1 &<< UInt64(truncatingIfNeeded: count &* 8)) &- 1 }
        word ^= UInt64(truncatingIfNeeded: count)
        return 1 &<< ((word &* 0x9E37_79B9_7F4A_7C15) &>> 58)
    }

    /// Reads a value. True where it is a container whose content comes next.
    @inline(__always)
    private mutating func value() throws(JSONFault) -> Bool {
        guard position < end else { throw JSONFault(.unexpectedEnd, at: position) }
        switch current {
        case UInt8(ascii: "\""):
            let start = position &+ 1
            let isEscaped = try string()
            append(JSONTapeEntry(.string, start, position, isEscaped: isEscaped))
            position &+= 1
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
            try number()
        case UInt8(ascii: "{"):
            return try open(isObject: true)
        case UInt8(ascii: "["):
            return try open(isObject: false)
        case UInt8(ascii: "t"):
            try literal(0x6575_7274, last: UInt8(ascii: "e"), count: 4, .true)
        case UInt8(ascii: "f"):
            try literal(0x736C_6166, last: UInt8(ascii: "e"), count: 5, .false)
        case UInt8(ascii: "n"):
            try literal(0x6C6C_756E, last: UInt8(ascii: "l"), count: 4, .null)
        default:
            throw contentFault(.expectedValue)
        }
        return false
    }

    /// Matches a literal whose first four bytes are `word`, little-endian.
    @inline(__always)
    private mutating func literal(_ word: UInt32, last: UInt8, count: Int, _ kind: JSONKind) throws(JSONFault) {
        guard
            position &+ count <= end,
            UInt32(littleEndian: base.loadUnaligned(fromByteOffset: position, as: UInt32.self)) == word,
            ByteScan.byte(base, position &+ count &- 1) == last
        else { throw JSONFault(.expectedValue, at: position) }
        append(JSONTapeEntry(kind, position, position &+ count))
        position &+= count
    }

    /// Scans a string from its opening quote to the closing one, where it leaves `position`. True where it holds an
    /// escape.
    @inline(__always)
    private mutating func string() throws(JSONFault) -> Bool {
        var at = position &+ 1
        while at &+ 8 <= end {
            let stops = ByteScan.stringStops(ByteScan.word(base, at))
            if stops == 0 {
                at &+= 8
                continue
            }
            at &+= ByteScan.index(stops)
            guard ByteScan.byte(base, at) == UInt8(ascii: "\"") else { break }
            position = at
            return false
        }
        let rest = try JSONText.closingQuote(base, from: at, end: end, opening: position)
        position = rest.closing
        return rest.isEscaped
    }

    @inline(__always)
    private mutating func number() throws(JSONFault) {
        let start = position
        var at = current == UInt8(ascii: "-") ? start &+ 1 : start
        let digits = at
        var magnitude: UInt64 = 0
        while at < end {
            let digit = ByteScan.byte(base, at) &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            magnitude = magnitude &* 10 &+ UInt64(truncatingIfNeeded: digit)
            at &+= 1
        }
        let count = at &- digits
        guard count > 0, count == 1 || ByteScan.byte(base, digits) != UInt8(ascii: "0") else {
            throw JSONFault(.invalidNumber, at: start)
        }
        if at < end, JSONNumber.continues(ByteScan.byte(base, at)) {
            position = try JSONNumber.endOfReal(base, start: start, digits: digits, from: at, end: end)
            append(JSONTapeEntry(.real, start, position))
            return
        }
        guard count <= JSONNumber.integerDigitsMax, magnitude <= JSONNumber.integerMax else {
            throw JSONFault(.integerOutOfRange, at: start)
        }
        position = at
        append(JSONTapeEntry(.integer, start, at))
    }
}

extension JSONScanner {
    @inline(never)
    private func topFault() -> JSONFault {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let isMark = position == 0 && end >= 3 && (0..<3).allSatisfy { ByteScan.byte(base, $0) == mark[$0] }
        return JSONFault(isMark ? .byteOrderMark : .notAnObject, at: position)
    }

    /// The fault where a name or value must begin: a closing bracket there means that a comma came before it.
    @inline(never)
    private func contentFault(_ kind: JSONError.Kind) -> JSONFault {
        guard position < end else { return JSONFault(.unexpectedEnd, at: position) }
        guard ByteScan.byte(base, position) == (frame.isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
            return JSONFault(kind, at: position)
        }
        var before = position - 1
        while before > 0, ByteScan.byte(base, before) <= 0x20 { before -= 1 }
        guard ByteScan.byte(base, before) == UInt8(ascii: ",") else { return JSONFault(kind, at: position) }
        return JSONFault(.trailingComma, at: before)
    }
}
