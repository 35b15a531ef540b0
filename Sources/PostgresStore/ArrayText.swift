/// A PostgreSQL array as text (manual, 8.15.2), every element in quotes.
struct ArrayText {
    private(set) var bytes = [UInt8(ascii: "{")]

    mutating func append(_ text: String?) {
        if let text { append(bytes: text.utf8) } else { appendNull() }
    }

    mutating func append(_ number: Int?) {
        separate()
        bytes += number.map { Array(String($0).utf8) } ?? Array("NULL".utf8)
    }

    /// Milliseconds since 1970, of which 0 means none.
    mutating func append(time: Int64) { append(time == 0 ? nil : Int(time)) }

    mutating func append(bytes content: some Sequence<UInt8>) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        for byte in content {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
            bytes.append(byte)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    mutating func appendNull() { append(nil as Int?) }

    var finished: [UInt8] { bytes + [UInt8(ascii: "}")] }

    private mutating func separate() {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
    }
}
