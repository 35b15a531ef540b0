import PodlingProtocol

/// The attempt that a worker's request names: the members of `accept` (proto-spec.md, section 6.18).
struct ReportedAttempt {
    let task: TaskName
    let number: Int

    init(_ task: TaskName, _ number: Int) { (self.task, self.number) = (task, number) }

    init(_ root: JSONValue) throws(WireError) {
        task = try TaskName(of: root)
        number = try Self.number(root.required("attempt"))
    }

    static func number(_ value: JSONValue) throws(WireError) -> Int {
        try value.integer("attempt", in: 1...Limits.attemptReportedMax)
    }
}

/// The members of `reject` (proto-spec.md, section 6.18).
struct RejectRequest {
    let attempt: ReportedAttempt
    let error: String?

    init(_ root: JSONValue) throws(WireError) {
        attempt = try ReportedAttempt(root)
        error = try root.errorText()
    }
}
