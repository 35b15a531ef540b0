extension TaskSummary {
    /// Takes a spec as it is, so that a task which cannot run, or never will again, is kept and shown.
    ///
    /// - Returns: nil where it has no name that is a string.
    public init?(unchecked object: JSONValue) {
        guard let name = object.optional("name"), name.isString, name.rawRange.count <= UInt16.max else { return nil }
        let byteCount = object.members.reduce(0) { $1.value.isNull ? $0 : $0 + $1.range.count + 1 }
        guard byteCount > 0, byteCount <= Limits.specBytesMax else { return nil }
        copy(object, isEnvelope: false, name: name, byteCount: byteCount - 1)
    }
}
