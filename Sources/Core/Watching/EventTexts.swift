/// The text of events after the subscription number, written once for all subscribers of a turn.
struct EventTexts {
    private static let bytesMax = 1024 * 1024

    private var texts: [Int: [UInt8]] = [:]
    private var byteCount = 0

    subscript(_ number: Int) -> [UInt8]? { texts[number] }

    mutating func keep(_ text: UnsafeRawBufferPointer, of number: Int) {
        guard byteCount < Self.bytesMax else { return }
        texts[number] = Array(text)
        byteCount += text.count
    }

    mutating func removeAll() {
        guard !texts.isEmpty else { return }
        texts.removeAll(keepingCapacity: true)
        byteCount = 0
    }
}
