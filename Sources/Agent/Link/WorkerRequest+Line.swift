import PodlingProtocol

extension WorkerRequest {
    /// The request as a line, without its LF.
    ///
    /// - Parameter token: goes into `hello`; it is not a part of the request, which may be logged.
    package func write(to writer: inout JSONWriter, token: String? = nil) {
        writer.raw("{\"op\":")
        switch body {
        case .hello(let node, let instance, let agent):
            writer.raw("\"hello\",\"proto\":1,\"role\":\"worker\"")
            writer.member(",\"node\":", node)
            writer.member(",\"instance\":", instance)
            writer.member(",\"agent\":", agent)
            if let token { writer.member(",\"token\":", token) }
        case .ping: writer.raw("\"ping\"")
        case .register(let configuration, let attempts):
            writer.raw("\"register\"")
            configuration.writeMembers(to: &writer)
            Self.write(attempts, to: &writer)
        case .heartbeat: writer.raw("\"heartbeat\"")
        case .sickHeartbeat(let engineError):
            writer.raw("\"heartbeat\"")
            writer.member(",\"engineError\":", engineError.withoutNUL.cut(toBytes: Limits.shortTextBytesMax))
        case .deregister: writer.raw("\"deregister\"")
        case .accept(let key):
            writer.raw("\"accept\"")
            key.writeMembers(to: &writer)
        case .reject(let key, let error):
            writer.raw("\"reject\"")
            key.writeMembers(to: &writer)
            writer.member(",\"error\":", error.withoutNUL.cut(toBytes: Limits.errorBytesMax))
        case .status(let key, let report):
            writer.raw("\"status\"")
            key.writeMembers(to: &writer)
            report.writeMembers(to: &writer)
        case .logEnd(let subscription, let end):
            writer.raw("\"log_end\",\"sub\":")
            writer.int(subscription)
            if end.droppedBytes > 0 {
                writer.raw(",\"dropped\":")
                writer.int(end.droppedBytes)
            }
            if end.hasGap { writer.raw(",\"gap\":true") }
            if let error = end.error {
                writer.member(",\"error\":", error.withoutNUL.cut(toBytes: Limits.errorBytesMax))
            }
        }
        if let id {
            writer.raw(",\"id\":")
            writer.int(id)
        }
        writer.byte(UInt8(ascii: "}"))
    }

    private static func write(_ attempts: [AttemptKey], to writer: inout JSONWriter) {
        guard !attempts.isEmpty else { return }
        writer.raw(",\"attempts\":[")
        for (index, key) in attempts.enumerated() {
            writer.raw(index == 0 ? "{\"taskId\":" : ",{\"taskId\":")
            writer.string(key.taskId)
            writer.raw(",\"attempt\":")
            writer.int(key.attempt)
            writer.byte(UInt8(ascii: "}"))
        }
        writer.byte(UInt8(ascii: "]"))
    }
}

extension AgentConfiguration {
    fileprivate func writeMembers(to writer: inout JSONWriter) {
        writer.raw(",\"slots\":")
        writer.int(slots)
        // Formatted as a decimal fraction by hand: a Double could print 0.3 as something else.
        writer.raw(",\"cpu\":")
        writer.int(cpuMillis / 1_000)
        let fraction = cpuMillis % 1_000
        if fraction > 0 { writer.raw(Array(".\(String(1_000 + fraction).dropFirst())".utf8)) }
        writer.raw(",\"memory\":")
        writer.int(memoryBytes)
        writer.member(",\"hostname\":", hostname.withoutNUL.cut(toBytes: Limits.shortTextBytesMax))
        writer.member(",\"engine\":", engine.withoutNUL.cut(toBytes: Limits.shortTextBytesMax))
        writer.member(",\"version\":", version.withoutNUL.cut(toBytes: Limits.shortTextBytesMax))
        if let engineError {
            writer.member(",\"engineError\":", engineError.withoutNUL.cut(toBytes: Limits.shortTextBytesMax))
        }
        guard !labels.isEmpty else { return }
        writer.raw(",\"labels\":{")
        for (index, label) in labels.enumerated() {
            if index > 0 { writer.byte(UInt8(ascii: ",")) }
            writer.string(label.name)
            writer.byte(UInt8(ascii: ":"))
            writer.string(label.value)
        }
        writer.byte(UInt8(ascii: "}"))
    }
}

extension AttemptKey {
    fileprivate func writeMembers(to writer: inout JSONWriter) {
        writer.member(",\"taskId\":", taskId)
        writer.raw(",\"attempt\":")
        writer.int(attempt)
    }
}

extension AttemptReport {
    fileprivate func writeMembers(to writer: inout JSONWriter) {
        writer.member(",\"status\":", status.rawValue)
        if let containerId { writer.member(",\"containerId\":", containerId) }
        if let exitCode {
            writer.raw(",\"exitCode\":")
            writer.int(exitCode)
        }
        if let reason { writer.member(",\"reason\":", reason.rawValue) }
        if let error { writer.member(",\"error\":", error.withoutNUL.cut(toBytes: Limits.errorBytesMax)) }
        if let detail { writer.member(",\"detail\":", detail.withoutNUL.cut(toBytes: Limits.detailBytesMax)) }
        if let startedAtMilliseconds {
            writer.raw(",\"startedAt\":")
            writer.timestamp(milliseconds: startedAtMilliseconds)
        }
        if let finishedAtMilliseconds {
            writer.raw(",\"finishedAt\":")
            writer.timestamp(milliseconds: finishedAtMilliseconds)
        }
        if isBeforeSignal { writer.raw(",\"beforeSignal\":true") }
    }
}

extension JSONWriter {
    /// Appends `name` with its punctuation, then the value.
    fileprivate mutating func member(_ name: StaticString, _ value: String) {
        raw(name)
        string(value)
    }
}
