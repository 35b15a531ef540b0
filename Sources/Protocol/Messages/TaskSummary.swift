/// The part of a task spec that the master reads, extracted while every member of the spec is validated.
///
/// Only the extracted members are copied: the spec itself is passed on as bytes.
package struct TaskSummary: Sendable {
    package var cpuMillis = 0
    package var memoryBytes = 0
    package var priority = 0
    /// Time limit of an attempt; 0 means none.
    package var timeoutSeconds = 0
    package var maxAttempts = Limits.maxAttemptsDefault
    package var stopGraceSeconds = Limits.stopGraceSecondsDefault
    package var onNodeLost = NodeLostPolicy.requeue
    /// Sorted by name; a node must match all of them.
    package var nodeSelector: [(key: String, value: String)] = []
    package var idempotencyKey: String?
    /// The spec's members, joined by commas, without the braces and without white space between members.
    package var bytes: [UInt8] = []
    /// Byte range of the name in `bytes`, with its quotes.
    package var nameRange: Range<Int> = 0..<0

    /// Validates the spec whose members `object` holds; in a `submit` they share the object with `op` and `id`.
    ///
    /// - Throws: `bad_request` that names the first member at fault.
    package init(_ object: JSONValue, isEnvelope: Bool) throws(WireError) {
        try self.init(object, beside: isEnvelope ? .envelope : .nothing)
    }

    /// The object that holds the spec's members.
    enum Company {
        case nothing, envelope, task

        @inline(__always)
        func has(_ member: JSONMember) -> Bool {
            switch self {
            case .nothing: false
            case .envelope: member.keyEquals("op") || member.keyEquals("id")
            case .task: TaskObject.isOwn(member)
            }
        }
    }

    init(_ object: JSONValue, beside company: Company) throws(WireError) {
        var name: JSONValue?
        var image: JSONValue?
        var byteCount = 0
        for member in object.members {
            if company.has(member) { continue }
            let value = member.value
            if value.isNull {
                guard TaskSpecRules.isKnown(member.key) else { throw TaskSpecRules.unknown(member) }
                continue
            }
            byteCount += member.range.count + 1
            if member.keyEquals("name") {
                name = value
            } else if member.keyEquals("image") {
                image = value
            } else {
                try take(member)
            }
        }
        guard let name else { throw .field("name", "is required") }
        guard let image else { throw .field("image", "is required") }
        guard name.isString, name.withUTF8(NameRules.isTaskName) else {
            throw .field("name", "must be 1 to 63 of a-z 0-9 - _ . and start with a letter or digit")
        }
        guard image.isString, image.withUTF8(NameRules.isImageReference) else {
            throw .field("image", "must be an image reference such as busybox, busybox:1 or host:5000/name:tag")
        }
        guard byteCount <= Limits.specBytesMax else {
            throw WireError(.badRequest, "the task spec is longer than \(Limits.specBytesMax) bytes")
        }
        copy(object, beside: company, name: name, byteCount: byteCount - 1)
    }

    private mutating func take(_ member: JSONMember) throws(WireError) {
        let value = member.value
        if member.keyEquals("resources") {
            let requests = try TaskSpecRules.requests(value)
            cpuMillis = requests.cpuMillis
            memoryBytes = requests.memoryBytes
        } else if member.keyEquals("nodeSelector") {
            nodeSelector = try value.labels("nodeSelector").sorted { $0.key < $1.key }
        } else if member.keyEquals("priority") {
            priority = try value.integer("priority", in: -Limits.priorityMagnitudeMax...Limits.priorityMagnitudeMax)
        } else if member.keyEquals("timeoutSeconds") {
            timeoutSeconds = try value.integer("timeoutSeconds", in: 1...Limits.timeoutSecondsMax)
        } else if member.keyEquals("maxAttempts") {
            maxAttempts = try value.integer("maxAttempts", in: 1...Limits.maxAttemptsMax)
        } else if member.keyEquals("stopGraceSeconds") {
            stopGraceSeconds = try value.integer("stopGraceSeconds", in: 0...Limits.stopGraceSecondsMax)
        } else if member.keyEquals("onNodeLost") {
            guard let policy = NodeLostPolicy.allCases.first(where: { value.stringEquals($0.name) }) else {
                throw .field("onNodeLost", "must be requeue, fail or keep")
            }
            onNodeLost = policy
        } else if member.keyEquals("idempotencyKey") {
            idempotencyKey = try value.text("idempotencyKey", bytes: 1...Limits.shortTextBytesMax)
        } else {
            try TaskSpecRules.check(member)
        }
    }

    mutating func copy(_ object: JSONValue, beside company: Company, name: JSONValue, byteCount: Int) {
        var nameStart = 0
        bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { out, filled in
            let target = UnsafeMutableRawBufferPointer(out)
            for member in object.members {
                if member.value.isNull { continue }
                if company.has(member) { continue }
                if filled > 0 {
                    target[filled] = UInt8(ascii: ",")
                    filled += 1
                }
                let raw = member.raw
                UnsafeMutableRawBufferPointer(rebasing: target[filled..<filled + raw.count]).copyMemory(from: raw)
                if member.value.rawRange == name.rawRange { nameStart = filled + raw.count - name.rawRange.count }
                filled += raw.count
            }
        }
        nameRange = nameStart..<nameStart + name.rawRange.count
    }
}
