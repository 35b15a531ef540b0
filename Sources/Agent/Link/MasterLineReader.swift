import PodlingProtocol

/// Parses the master's lines.
package struct MasterLineReader: ~Copyable {
    private var json = JSONReader()
    private let nodeId: String

    package init(nodeId: String) {
        self.nodeId = nodeId
    }

    /// - Throws: `JSONError` or `WireError` for a line that breaks the protocol.
    package mutating func read(_ line: [UInt8]) throws -> MasterMessage {
        try line.withUnsafeBytes { bytes in
            let root = try json.parse(bytes).root
            if let event = root.optional("ev") { return try Self.event(event, root, nodeId) }
            if root["re"] != nil { return Self.reply(root) }
            return .ignored
        }
    }

    private static func event(_ name: JSONValue, _ root: JSONValue, _ nodeId: String) throws(WireError) -> MasterMessage
    {
        if name.stringEquals("assign") { return try assign(root, nodeId) }
        if name.stringEquals("cancel") {
            let grace = try root.optional("graceSeconds")?.integer("graceSeconds", in: 0...Limits.stopGraceSecondsMax)
            return .cancel(try key(root), graceSeconds: grace ?? Limits.stopGraceSecondsDefault)
        }
        if name.stringEquals("kill") { return .kill(try key(root), code: root.optional("code")?.string() ?? "") }
        if name.stringEquals("quiet") { return .quiet(try root.optional("on")?.flag("on") ?? true) }
        if name.stringEquals("logs") { return try logs(root) }
        if name.stringEquals("logs_stop") {
            return .logsStop(subscription: try root.required("sub").integer("sub", in: 0...Limits.integerMax))
        }
        if name.stringEquals("logs_taken") {
            return .logsTaken(
                subscription: try root.required("sub").integer("sub", in: 0...Limits.integerMax),
                bytes: try root.required("bytes").integer("bytes", in: 0...Limits.integerMax)
            )
        }
        if name.stringEquals("hello") { return try hello(root) }
        if name.stringEquals("error") { return .error(fault(root.optional("err"))) }
        if name.stringEquals("drain") { return .drain(reconnectMilliseconds: reconnectRange(root)) }
        if name.stringEquals("conflict") { return .conflict(root.optional("msg")?.string() ?? "") }
        if name.stringEquals("replaced") { return .replaced }
        return .ignored
    }

    private static func hello(_ root: JSONValue) throws(WireError) -> MasterMessage {
        let versions = try root.required("proto").elements.compactMap { $0.int() }
        guard versions.count == 2, versions[0] <= versions[1] else {
            throw .field("proto", "must be the lowest and the highest version")
        }
        if root["standby"]?.bool() == true { return .standby(leader: root["leader"]?.string()) }
        return .hello(versions: versions[0]...versions[1])
    }

    private static func key(_ object: JSONValue) throws(WireError) -> AttemptKey {
        let attempt = try object.required("attempt").integer("attempt", in: 1...Limits.attemptReportedMax)
        return AttemptKey(taskId: try object.required("taskId").runnableTaskID(), attempt: attempt)
    }

    private static func assign(_ root: JSONValue, _ nodeId: String) throws(WireError) -> MasterMessage {
        let key = try key(root)
        do {
            let spec = try TaskSpec(try root.required("spec"))
            return .assign(key, AttemptPlan(spec, key: key, nodeId: nodeId))
        } catch {
            return .assignRejected(key, error.message)
        }
    }

    private static func logs(_ root: JSONValue) throws(WireError) -> MasterMessage {
        let tail = try root.optional("tail")?.integer("tail", in: 0...Limits.logTailBytesMax)
        return .logs(
            LogRequestFromMaster(
                subscription: try root.required("sub").integer("sub", in: 0...Limits.integerMax),
                key: try key(root),
                tailBytes: tail ?? Limits.logTailBytesDefault,
                follows: try root.optional("follow")?.flag("follow") ?? false,
                from: try root.optional("from").map(position),
                windowBytes: try root.optional("window")?.integer("window", in: 1...Limits.integerMax)
            )
        )
    }

    private static func position(_ from: JSONValue) throws(WireError) -> LogPosition {
        LogPosition(
            stdoutBytes: try from.optional("stdout")?.integer("from.stdout", in: 0...Limits.logPositionMax) ?? 0,
            stderrBytes: try from.optional("stderr")?.integer("from.stderr", in: 0...Limits.logPositionMax) ?? 0
        )
    }

    private static func reconnectRange(_ root: JSONValue) -> ClosedRange<Int64> {
        let bounds = root.optional("reconnect_ms")?.elements.compactMap { $0.int() } ?? []
        let low = Int64(bounds.first ?? 0)
        let high = Int64(bounds.last ?? 0)
        let range = AgentLimits.reconnectMillisecondsMin...AgentLimits.retryMillisecondsMax
        return low <= high ? (low...high).clamped(to: range) : range.lowerBound...range.lowerBound
    }

    private static func reply(_ root: JSONValue) -> MasterMessage {
        let id = root.optional("re")?.int()
        if let error = root.optional("err") { return .reply(id: id, .failed(fault(error))) }
        return .reply(id: id, .ok(root.optional("ok").map(orders) ?? MasterOrders()))
    }

    private static func orders(_ body: JSONValue) -> MasterOrders {
        var orders = MasterOrders()
        for member in body.members {
            if member.keyEquals("lease_ms") {
                orders.leaseMilliseconds = milliseconds(member.value)
            } else if member.keyEquals("heartbeat_ms") {
                orders.heartbeatMilliseconds = milliseconds(member.value)
            } else if member.keyEquals("quiet") {
                orders.isQuiet = member.value.bool() ?? false
            } else if member.keyEquals("kill") {
                orders.kill = member.value.elements.compactMap { entry in
                    (try? key(entry)).map { KillOrder($0, code: entry.optional("code")?.string() ?? "") }
                }
            } else if member.keyEquals("lost") {
                orders.lost = member.value.elements.compactMap { try? key($0) }
            }
        }
        return orders
    }

    private static func fault(_ error: JSONValue?) -> MasterFault {
        MasterFault(
            code: error?.optional("code")?.string() ?? ErrorCode.internal.rawValue,
            message: error?.optional("msg")?.string() ?? "",
            isRetryable: error?.optional("retryable")?.bool() ?? false,
            retryAfterMilliseconds: error?.optional("retry_after_ms").flatMap(milliseconds)
        )
    }

    /// Parses a time, clamped to one day: no master means a longer wait.
    private static func milliseconds(_ value: JSONValue) -> Int64? {
        let dayMilliseconds = 86_400_000
        return value.int().flatMap { $0 > 0 ? Int64(min($0, dayMilliseconds)) : nil }
    }
}
