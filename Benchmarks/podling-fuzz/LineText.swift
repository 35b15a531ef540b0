/// The bytes of a line that is being made.
struct LineText {
    var bytes: [UInt8] = []

    mutating func add(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func add(_ number: Int) { bytes.append(contentsOf: String(number).utf8) }

    mutating func add(_ text: [UInt8]) { bytes.append(contentsOf: text) }

    /// A member whose value is a string that needs no escapes.
    mutating func member(_ name: StaticString, _ text: [UInt8]) {
        open(name)
        add("\"")
        add(text)
        add("\"")
    }

    mutating func member(_ name: StaticString, _ number: Int) {
        open(name)
        add(number)
    }

    /// A member whose value is JSON as it stands.
    mutating func member(_ name: StaticString, json: StaticString) {
        open(name)
        add(json)
    }

    private mutating func open(_ name: StaticString) {
        add(",\"")
        add(name)
        add("\":")
    }
}
