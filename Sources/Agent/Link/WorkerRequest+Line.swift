import PodlingProtocol

extension WorkerRequest {
    /// The request as a line, without its LF.
    ///
    /// - Parameter token: goes into `hello`; it is not a part of the request, which may be logged.
    package func write(to writer: inout JSONWriter, token: String? = nil) {
        switch body {
        case .hello(let node, let instance, let agent):
            writer.beginObject("op", word: "hello")
            writer.member("proto", 1)
            writer.member("role", word: "worker")
            writer.member("node", node)
            writer.member("instance", instance)
            writer.member("agent", agent)
            writer.member("token", ifAny: token)
        case .ping: writer.beginObject("op", word: "ping")
        case .register(let configuration, let attempts):
            writer.beginObject("op", word: "register")
            configuration.writeMembers(to: &writer)
            Self.write(attempts, to: &writer)
        case .heartbeat: writer.beginObject("op", word: "heartbeat")
        case .sickHeartbeat(let engineError):
            writer.beginObject("op", word: "heartbeat")
            writer.member("engineError", text: engineError, bytesMax: Limits.shortTextBytesMax)
        case .deregister: writer.beginObject("op", word: "deregister")
        case .accept(let key):
            writer.beginObject("op", word: "accept")
            key.writeMembers(to: &writer)
        case .reject(let key, let error):
            writer.beginObject("op", word: "reject")
            key.writeMembers(to: &writer)
            writer.member("error", text: error, bytesMax: Limits.errorBytesMax)
        case .status(let key, let report):
            writer.beginObject("op", word: "status")
            key.writeMembers(to: &writer)
            report.writeMembers(to: &writer)
        case .logEnd(let subscription, let end):
            writer.beginObject("op", word: "log_end")
            writer.member("sub", subscription)
            if end.droppedBytes > 0 { writer.member("dropped", end.droppedBytes) }
            if end.hasGap { writer.member("gap", true) }
            writer.member("error", text: end.error, bytesMax: Limits.errorBytesMax)
        }
        writer.member("id", ifAny: id)
        writer.endObject()
    }

    private static func write(_ attempts: [AttemptKey], to writer: inout JSONWriter) {
        guard !attempts.isEmpty else { return }
        writer.key("attempts")
        writer.beginArray()
        for (index, key) in attempts.enumerated() {
            writer.comma(before: index)
            writer.beginObject("taskId", key.taskId)
            writer.member("attempt", key.attempt)
            writer.endObject()
        }
        writer.endArray()
    }
}

extension AgentConfiguration {
    fileprivate func writeMembers(to writer: inout JSONWriter) {
        writer.member("slots", slots)
        writer.member("cpu", thousandths: cpuMillis)
        writer.member("memory", memoryBytes)
        for (name, text) in [("hostname", hostname), ("engine", engine), ("version", version)]
            as [(StaticString, String)]
        {
            writer.member(name, text: text, bytesMax: Limits.shortTextBytesMax)
        }
        writer.member("engineError", text: engineError, bytesMax: Limits.shortTextBytesMax)
        guard !labels.isEmpty else { return }
        writer.key("labels")
        writer.object(ofStrings: labels.map { (key: $0.name, value: $0.value) })
    }
}

extension AttemptKey {
    fileprivate func writeMembers(to writer: inout JSONWriter) {
        writer.member("taskId", taskId)
        writer.member("attempt", attempt)
    }
}

extension AttemptReport {
    fileprivate func writeMembers(to writer: inout JSONWriter) {
        writer.member("status", status.rawValue)
        writer.member("containerId", ifAny: containerId)
        writer.member("exitCode", ifAny: exitCode)
        writer.member("reason", ifAny: reason?.rawValue)
        writer.member("error", text: error, bytesMax: Limits.errorBytesMax)
        writer.member("detail", text: detail, bytesMax: Limits.detailBytesMax)
        if let startedAtMilliseconds { writer.member("startedAt", milliseconds: startedAtMilliseconds) }
        if let finishedAtMilliseconds { writer.member("finishedAt", milliseconds: finishedAtMilliseconds) }
        if isBeforeSignal { writer.member("beforeSignal", true) }
    }
}

extension JSONWriter {
    /// Appends a member with as much of a text as the protocol lets through, unless there is none.
    fileprivate mutating func member(_ name: StaticString, text: String?, bytesMax: Int) {
        member(name, ifAny: text?.withoutNUL.cut(toBytes: bytesMax))
    }
}
