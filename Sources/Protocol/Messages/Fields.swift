extension JSONValue {
    /// The member's value; nil where it is missing or null.
    @inlinable
    public func optional(_ name: StaticString) -> JSONValue? {
        guard let value = self[name], !value.isNull else { return nil }
        return value
    }

    /// The member's value.
    ///
    /// - Throws: `bad_request` where it is missing or null.
    public func required(_ name: StaticString) throws(WireError) -> JSONValue {
        guard let value = optional(name) else { throw .field(name.description, "is required") }
        return value
    }

    /// This value as an integer in `range`; `name` is for the error.
    ///
    /// - Throws: `bad_request`.
    public func integer(_ name: StaticString, in range: ClosedRange<Int>) throws(WireError) -> Int {
        guard let value = int(), range.contains(value) else {
            throw .field(name.description, "must be an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// This value as a string of `bytes` bytes of UTF-8 without NUL; `name` is for the error.
    ///
    /// - Throws: `bad_request`.
    public func text(_ name: StaticString, bytes: ClosedRange<Int>) throws(WireError) -> String {
        guard isText(of: bytes), let text = string() else {
            throw .field(
                name.description,
                "must be a string of \(bytes.lowerBound) to \(bytes.upperBound) bytes without NUL"
            )
        }
        return text
    }

    /// This value, a time (RFC 3339), as milliseconds since 1970; `name` is for the error.
    ///
    /// - Throws: `bad_request`.
    public func timestamp(_ name: StaticString) throws(WireError) -> Int64 {
        guard isString, let time = withUTF8({ Timestamp.parse($0) }) else {
            throw .field(name.description, "must be a time such as 2026-01-31T12:00:00Z")
        }
        return time
    }

    /// This value as a boolean; `name` is for the error.
    ///
    /// - Throws: `bad_request`.
    public func flag(_ name: StaticString) throws(WireError) -> Bool {
        guard let value = bool() else { throw .field(name.description, "must be true or false") }
        return value
    }

    /// Whether this is a string of `bytes` bytes of UTF-8 without NUL.
    public func isText(of bytes: ClosedRange<Int>) -> Bool {
        isString && withUTF8 { bytes.contains($0.count) && !$0.contains(0) }
    }

    /// This value as a string that `rule`, one of `NameRules`, accepts; `name` and `fault` are for the error.
    ///
    /// - Throws: `bad_request`.
    public func name(
        _ name: StaticString,
        _ rule: (UnsafeRawBufferPointer) -> Bool,
        _ fault: StaticString
    ) throws(WireError) -> String {
        guard isString, withUTF8(rule), let text = string() else { throw .field(name.description, fault.description) }
        return text
    }

    /// This value as a `taskId`: 1 to 1,020 bytes without NUL.
    ///
    /// - Throws: `bad_request`.
    public func taskID() throws(WireError) -> String {
        try name("taskId", NameRules.isTaskID, "must be a string of 1 to 1020 bytes without NUL")
    }

    /// This value as a `taskId` that can also name a container (`NameRules.isRunnableTaskID`).
    ///
    /// - Throws: `bad_request`.
    public func runnableTaskID() throws(WireError) -> String {
        try name("taskId", NameRules.isRunnableTaskID, "must be 1 to 128 of A-Z a-z 0-9 - _ .")
    }

    /// This value as an object of at most 64 strings of at most 255 bytes, in the order of the line; members that are
    /// null are left out. `name` is for the error.
    ///
    /// - Throws: `bad_request`.
    public func labels(_ name: StaticString) throws(WireError) -> [(key: String, value: String)] {
        try checkLabels(name)
        var labels: [(key: String, value: String)] = []
        labels.reserveCapacity(count)
        for member in members where !member.value.isNull {
            labels.append((member.name, member.value.string() ?? ""))
        }
        return labels
    }

    func checkLabels(_ name: StaticString) throws(WireError) {
        guard isObject, count <= Limits.labelsMax else {
            throw .field(name.description, "must be an object of at most \(Limits.labelsMax) strings")
        }
        for member in members {
            let isName = member.key.withUTF8 { (1...Limits.shortTextBytesMax).contains($0.count) && !$0.contains(0) }
            guard isName, member.value.isText(of: 0...Limits.shortTextBytesMax) else {
                let path = "\(name).\(member.name.prefix(Limits.shortTextBytesMax))"
                throw .field(path, "names are 1 to 255 bytes, values strings of at most 255, without NUL")
            }
        }
    }
}
