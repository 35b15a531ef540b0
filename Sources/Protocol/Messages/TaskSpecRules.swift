/// The rules for those members of a spec that the master validates and passes on unread (proto-spec.md, section 5.1).
enum TaskSpecRules {
    private static let members: [StaticString] = [
        "name", "image", "command", "args", "env", "workingDir", "ports", "resources", "labels", "nodeSelector",
        "priority", "timeoutSeconds", "maxAttempts", "onNodeLost", "stopGraceSeconds", "pullPolicy", "idempotencyKey",
    ]

    static func isKnown(_ key: JSONValue) -> Bool { members.contains { key.keyEquals($0) } }

    static func unknown(_ member: JSONMember) -> WireError {
        let name = String(member.name.prefix(Limits.idBytesMax))
        return .field(
            name,
            "is not a member of a task spec; those are \(members.map(\.description).joined(separator: ", "))"
        )
    }

    static func check(_ member: JSONMember) throws(WireError) {
        let value = member.value
        if member.keyEquals("command") {
            try strings(value, "command")
        } else if member.keyEquals("args") {
            try strings(value, "args")
        } else if member.keyEquals("env") {
            try environment(value)
        } else if member.keyEquals("labels") {
            try value.checkLabels("labels")
        } else if member.keyEquals("workingDir") {
            let isPath = value.isText(of: 1...Limits.pathBytesMax) && value.withUTF8 { $0.first == UInt8(ascii: "/") }
            guard isPath else {
                throw .field("workingDir", "must be an absolute path of at most 4096 bytes without NUL")
            }
        } else if member.keyEquals("ports") {
            try ports(value)
        } else if member.keyEquals("pullPolicy") {
            let isPolicy = value.stringEquals("missing") || value.stringEquals("always") || value.stringEquals("never")
            guard isPolicy else { throw .field("pullPolicy", "must be missing, always or never") }
        } else {
            throw unknown(member)
        }
    }

    private static let textRule = "must be a string of at most \(Limits.specBytesMax) bytes, without NUL"

    private static func strings(_ value: JSONValue, _ name: StaticString) throws(WireError) {
        guard value.isArray, value.count <= Limits.commandStringsMax else {
            throw .field(name.description, "must be an array of at most \(Limits.commandStringsMax) strings")
        }
        var index = 0
        for element in value.elements {
            guard element.isText(of: 0...Limits.specBytesMax) else {
                throw .field("\(name)[\(index)]", textRule)
            }
            index += 1
        }
    }

    private static func environment(_ value: JSONValue) throws(WireError) {
        guard value.isObject, value.count <= Limits.envMax else {
            throw .field("env", "must be an object of at most \(Limits.envMax) strings")
        }
        for member in value.members {
            guard member.key.withUTF8(NameRules.isEnvironmentName) else {
                throw .field(path(member), "names are [A-Za-z_][A-Za-z0-9_]*")
            }
            guard !member.key.withUTF8(NameRules.isReservedEnvironmentName) else {
                throw .field(path(member), "names that start with PODLING_ are set by the worker")
            }
            guard member.value.isText(of: 0...Limits.specBytesMax) else {
                throw .field(path(member), textRule)
            }
        }
    }

    private static func path(_ member: JSONMember) -> String {
        "env.\(member.name.prefix(Limits.shortTextBytesMax))"
    }

    private static func ports(_ value: JSONValue) throws(WireError) {
        guard value.isArray, value.count <= Limits.portsMax else {
            throw .field("ports", "must be an array of at most \(Limits.portsMax) objects")
        }
        var index = 0
        for port in value.elements {
            let path = "ports[\(index)]"
            guard port.isObject else { throw .field(path, "must be an object such as {\"container\":80}") }
            do {
                try Self.port(port)
            } catch {
                throw error.under(path)
            }
            index += 1
        }
    }

    private static func port(_ port: JSONValue) throws(WireError) {
        for member in port.members {
            let isKnown = member.keyEquals("container") || member.keyEquals("host") || member.keyEquals("protocol")
            guard isKnown else { throw .field(String(member.name.prefix(64)), "is not a member of a port") }
        }
        _ = try port.required("container").integer("container", in: Limits.portNumbers)
        if let host = port.optional("host") { _ = try host.integer("host", in: Limits.portNumbers) }
        if let name = port.optional("protocol"), !name.stringEquals("tcp"), !name.stringEquals("udp") {
            throw .field("protocol", "must be tcp or udp")
        }
    }

    /// The resources that the task reserves on a node: its requests, or its limits where it has no request.
    static func requests(_ value: JSONValue) throws(WireError) -> (cpuMillis: Int, memoryBytes: Int) {
        guard value.isObject else { throw .field("resources", "must be an object with requests and limits") }
        for member in value.members where !member.keyEquals("requests") && !member.keyEquals("limits") {
            throw .field("resources.\(member.name.prefix(64))", "is not a member of resources")
        }
        do {
            let requests = try value.optional("requests").map(amounts(under: "requests")) ?? (nil, nil)
            let limits = try value.optional("limits").map(amounts(under: "limits")) ?? (nil, nil)
            return (requests.0 ?? limits.0 ?? 0, requests.1 ?? limits.1 ?? 0)
        } catch let error as WireError {
            throw error.under("resources")
        } catch {
            throw WireError(.internal, "resources could not be read")
        }
    }

    static func amounts(under path: String) -> (JSONValue) throws -> (Int?, Int?) {
        { value in
            guard value.isObject else { throw WireError.field(path, "must be an object with cpu and memory") }
            var cpu: Int?
            var memory: Int?
            for member in value.members where !member.value.isNull {
                if member.keyEquals("cpu") {
                    cpu = Quantity.cpuMillis(member.value)
                    guard cpu != nil else {
                        throw WireError.field("\(path).cpu", "must be cores such as 0.5, 2 or \"500m\"")
                    }
                } else if member.keyEquals("memory") {
                    memory = Quantity.memoryBytes(member.value)
                    guard memory != nil else {
                        throw WireError.field("\(path).memory", "must be bytes such as 67108864, \"64Mi\" or \"1G\"")
                    }
                } else {
                    throw WireError.field("\(path).\(member.name.prefix(64))", "is not cpu or memory")
                }
            }
            return (cpu, memory)
        }
    }
}
