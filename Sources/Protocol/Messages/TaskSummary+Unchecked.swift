extension TaskSummary {
    /// Accepts a spec without validation, so that a task which cannot run, or never will again, is kept and shown.
    ///
    /// - Returns: nil where it has no name that is a string.
    package init?(unchecked object: JSONValue) { self.init(unchecked: object, beside: .nothing) }

    init?(unchecked object: JSONValue, beside company: Company) {
        guard let name = object.optional("name"), name.isString, name.rawRange.count <= UInt16.max else { return nil }
        let byteCount = object.members.reduce(0) { count, member in
            member.value.isNull || company.has(member) ? count : count + member.range.count + 1
        }
        guard byteCount > 0, byteCount <= Limits.specBytesMax else { return nil }
        copy(object, beside: company, name: name, byteCount: byteCount - 1)
    }
}
