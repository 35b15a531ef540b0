import PodlingProtocol

/// An attempt, named by its task and number.
struct AttemptName: Hashable {
    /// The id as the worker sent it.
    var taskID: String
    var attempt: Int

    init(_ object: JSONValue) throws(WireError) {
        taskID = try object.required("taskId").taskID()
        attempt = try object.required("attempt").integer("attempt", in: 1...Limits.attemptReportedMax)
    }
}

/// The members of `register` (proto-spec.md, section 6.15).
struct NodeOffer {
    var slots: Int
    var cpuMillis = Quantity.cpuMillisMax
    var memoryBytes = Quantity.memoryBytesMax
    var hostname: String?
    var engine: String?
    var version: String?
    var engineError: String?
    /// Sorted by name.
    var labels: [(key: String, value: String)] = []
    var attempts: [AttemptName] = []

    /// The bytes of its texts.
    var byteCost: Int { NodeRecord.byteCost(labels, [hostname, engine, version]) }

    init(_ object: JSONValue) throws(WireError) {
        slots = try object.required("slots").integer("slots", in: 1...Limits.slotsMax)
        if let cpu = object.optional("cpu") {
            guard cpu.isNumber, let millis = Quantity.cpuMillis(cpu) else {
                throw .field("cpu", "must be cores, a number such as 4 or 0.5")
            }
            cpuMillis = millis
        }
        if let memory = object.optional("memory") {
            memoryBytes = try memory.integer("memory", in: 0...Quantity.memoryBytesMax)
        }
        let bytes = 0...Limits.shortTextBytesMax
        hostname = try object.optional("hostname")?.text("hostname", bytes: bytes)
        engine = try object.optional("engine")?.text("engine", bytes: bytes)
        version = try object.optional("version")?.text("version", bytes: bytes)
        engineError = try Heartbeat(object).engineError
        if let labels = object.optional("labels") {
            self.labels = try labels.labels("labels").sorted { $0.key < $1.key }
        }
        guard let list = object.optional("attempts") else { return }
        guard list.isArray else { throw .field("attempts", "must be an array of {\"taskId\",\"attempt\"}") }
        for element in list.elements {
            do throws(WireError) {
                guard element.isObject else { throw WireError.field("taskId", "is required") }
                attempts.append(try AttemptName(element))
            } catch {
                throw error.under("attempts[\(attempts.count)]")
            }
        }
    }
}

/// The members of `heartbeat` (proto-spec.md, section 6.16).
struct Heartbeat {
    let engineError: String?

    init(_ object: JSONValue) throws(WireError) {
        engineError = try object.optional("engineError")?.text("engineError", bytes: 1...Limits.shortTextBytesMax)
    }
}

/// The members of `drain` (proto-spec.md, section 6.12).
struct DrainRequest {
    let node: String
    let isOn: Bool

    init(_ object: JSONValue) throws(WireError) {
        node = try object.required("nodeId").name("nodeId", NameRules.isNodeName, "is not a node id")
        isOn = try object.optional("on")?.flag("on") ?? true
    }
}
