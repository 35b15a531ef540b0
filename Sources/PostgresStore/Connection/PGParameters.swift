import PodlingProtocol

/// The parameters of a statement, `$1` onwards, in one buffer; arrays are in PostgreSQL's binary format, which needs
/// neither escaping nor parsing.
struct PGParameters {
    /// Element types of arrays, by their OID in pg_type.
    enum Element: Int32 {
        case bool = 16
        case bigint = 20
        case int = 23
        case text = 25
        case timestamp = 1_114
    }

    private static let textFormat: Int32 = 0
    private static let binaryFormat: Int32 = 1
    /// 2000-01-01T00:00:00Z, the epoch of PostgreSQL's timestamps, in milliseconds since 1970.
    private static let originMilliseconds: Int64 = 946_684_800_000

    private var bytes: [UInt8] = []
    /// Offset and length of each parameter; nil is NULL.
    private var spans: [(start: Int, count: Int)?] = []
    private var formats: [Int32] = []

    var count: Int { spans.count }

    init(capacityBytes: Int = 0) { bytes.reserveCapacity(capacityBytes) }

    /// Text parameters, whose types the statement infers.
    init(_ texts: String?...) {
        for text in texts { append(text) }
    }

    mutating func append(_ text: String?) {
        formats.append(Self.textFormat)
        guard let text = text?.withoutNUL else { return spans.append(nil) }
        spans.append((bytes.count, text.utf8.count))
        bytes.append(contentsOf: text.utf8)
        bytes.append(0)
    }

    /// Appends one array with an element for each of `rows`, which `add` appends with one of the `element` methods.
    mutating func appendArray<Row>(
        _ element: Element,
        of rows: [Row],
        _ add: (inout PGParameters, borrowing Row) -> Void
    ) { appendArray(element.rawValue, of: rows, add) }

    private mutating func appendArray<Row>(
        _ elementType: Int32,
        of rows: [Row],
        _ add: (inout PGParameters, borrowing Row) -> Void
    ) {
        let start = bytes.count
        // array_recv: dimensions, whether there are NULLs (ignored), element type, length, lower bound.
        bytes.appendBigEndian(Int32(rows.isEmpty ? 0 : 1))
        bytes.appendBigEndian(Int32(0))
        bytes.appendBigEndian(elementType)
        if !rows.isEmpty {
            bytes.appendBigEndian(Int32(truncatingIfNeeded: rows.count))
            bytes.appendBigEndian(Int32(1))
        }
        for row in rows { add(&self, row) }
        spans.append((start, bytes.count - start))
        formats.append(Self.binaryFormat)
    }

    /// Appends one array of a composite type with an element for each of `rows`, whose columns `add` appends in the
    /// type's order.
    mutating func appendRows<Row>(
        ofType type: Int32,
        columns: Int32,
        of rows: [Row],
        _ add: (inout PGParameters, borrowing Row) -> Void
    ) {
        appendArray(type, of: rows) { parameters, row in
            let start = parameters.bytes.count
            parameters.bytes.appendBigEndian(Int32(0))
            parameters.bytes.appendBigEndian(columns)
            add(&parameters, row)
            let length = Int32(truncatingIfNeeded: parameters.bytes.count - start - 4)
            withUnsafeBytes(of: length.bigEndian) { parameters.bytes.replaceSubrange(start..<start + 4, with: $0) }
        }
    }

    // MARK: Columns of a row: record_recv wants the type before each

    mutating func columnNull(_ type: Element) {
        bytes.appendBigEndian(type.rawValue)
        elementNull()
    }

    mutating func column(_ flag: Bool) {
        bytes.appendBigEndian(Element.bool.rawValue)
        element(flag)
    }

    mutating func column(_ number: Int?) {
        bytes.appendBigEndian(Element.int.rawValue)
        element(number)
    }

    mutating func column(time: Int64) {
        bytes.appendBigEndian(Element.timestamp.rawValue)
        element(time: time)
    }

    mutating func column(_ text: StaticString) {
        bytes.appendBigEndian(Element.text.rawValue)
        element(text)
    }

    mutating func column(_ text: String?) {
        bytes.appendBigEndian(Element.text.rawValue)
        element(text)
    }

    mutating func column(textBytes content: [UInt8]?) {
        bytes.appendBigEndian(Element.text.rawValue)
        guard let content else { return elementNull() }
        content.withUnsafeBytes { element(bytes: $0) }
    }

    // MARK: Elements

    mutating func elementNull() { bytes.appendBigEndian(Int32(-1)) }

    mutating func element(_ flag: Bool) {
        bytes.appendBigEndian(Int32(1))
        bytes.append(flag ? 1 : 0)
    }

    mutating func element(_ number: Int?) {
        guard let number else { return elementNull() }
        bytes.appendBigEndian(Int32(4))
        bytes.appendBigEndian(Int32(clamping: number))
    }

    mutating func element(bigint number: Int?) {
        guard let number else { return elementNull() }
        bytes.appendBigEndian(Int32(8))
        bytes.appendBigEndian(Int64(number))
    }

    /// Milliseconds since 1970, of which 0 means none.
    mutating func element(time: Int64) {
        guard time != 0 else { return elementNull() }
        bytes.appendBigEndian(Int32(8))
        bytes.appendBigEndian((time &- Self.originMilliseconds) &* 1_000)
    }

    mutating func element(_ text: StaticString) {
        element(bytes: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func element(_ text: String?) {
        guard var text = text?.withoutNUL else { return elementNull() }
        text.withUTF8 { element(bytes: UnsafeRawBufferPointer($0)) }
    }

    mutating func element(bytes content: UnsafeRawBufferPointer) {
        bytes.appendBigEndian(Int32(truncatingIfNeeded: content.count))
        bytes.append(contentsOf: content)
    }

    // MARK: For libpq

    /// Calls `body` with the arguments of libpq's functions: count, values, lengths, formats.
    func withPointers<R>(
        _ body: (
            Int32, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?
        ) -> R
    ) -> R {
        bytes.withUnsafeBytes { all in
            let start = all.bindMemory(to: CChar.self).baseAddress
            let values = spans.map { span in span.flatMap { start?.advanced(by: $0.start) } }
            let lengths = spans.map { Int32(truncatingIfNeeded: $0?.count ?? 0) }
            return values.withUnsafeBufferPointer { values in
                lengths.withUnsafeBufferPointer { lengths in
                    formats.withUnsafeBufferPointer { formats in
                        body(
                            Int32(truncatingIfNeeded: spans.count),
                            values.baseAddress,
                            lengths.baseAddress,
                            formats.baseAddress
                        )
                    }
                }
            }
        }
    }
}

extension [UInt8] {
    fileprivate mutating func appendBigEndian(_ number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
    }
}
