extension JSONValue {
    /// Compares by meaning: however strings and numbers are written, and members ordered.
    package func hasContent(of other: JSONValue) -> Bool {
        if isNumber, other.isNumber {
            if let one = int(), let two = other.int() { return one == two }
            return double() == other.double()
        }
        guard kind == other.kind else { return false }
        switch kind {
        case .string, .key: return utf8() == other.utf8()
        case .array:
            return count == other.count && zip(elements, other.elements).allSatisfy { $0.hasContent(of: $1) }
        case .object:
            guard count == other.count else { return false }
            return zip(sortedMembers(), other.sortedMembers()).allSatisfy { one, two in
                one.name == two.name && one.value.hasContent(of: two.value)
            }
        default: return true
        }
    }

    private func utf8() -> [UInt8] { withUTF8 { [UInt8]($0) } }

    private func sortedMembers() -> [(name: [UInt8], value: JSONValue)] {
        members.map { ($0.key.utf8(), $0.value) }.sorted { $0.0.lexicographicallyPrecedes($1.0) }
    }
}
