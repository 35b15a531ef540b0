/// Makes valid lines of a role.
struct LineMaker {
    enum Role { case client, worker }

    enum Operation: String {
        case hello, submit, submit_many, get, list, wait, watch, logs, cancel, unsubscribe, nodes, drain, ping, help
        case register, heartbeat, deregister, accept, reject, status, log, log_end
        case importTasks = "import"
    }

    /// Nodes, foreign ids and idempotency keys that all sessions share: they come back, and meet each other.
    private static let nodes = 200
    static let foreignIDs = 20_000

    /// The more often it stands here, the more often it comes.
    private static let ofClients: [Operation] = [
        .submit, .submit, .submit, .submit, .submit_many, .importTasks, .get, .get, .get, .list, .list, .wait, .watch,
        .watch, .logs, .cancel, .cancel, .cancel, .cancel, .unsubscribe, .nodes, .drain, .ping, .ping, .ping, .help,
        .hello,
    ]
    private static let ofWorkers: [Operation] = [
        .heartbeat, .heartbeat, .accept, .accept, .reject, .status, .status, .status, .status, .status, .log, .log_end,
        .register, .deregister, .ping, .help, .get, .hello,
    ]

    let role: Role
    private let node: Int
    private let instance: Int

    init(role: Role, session: Int, _ random: inout SplitMix64) {
        self.role = role
        node = random.below(Self.nodes)
        instance = session
    }

    /// The whole line without its end.
    /// - Parameter id: the number of the line in its session.
    func line(id: Int, _ random: inout SplitMix64, _ learned: Learned, _ assigned: [Assigned]) -> [UInt8] {
        var line = LineText()
        let operation = operation(id, &random)
        line.add("{\"op\":\"")
        line.bytes.append(contentsOf: operation.rawValue.utf8)
        line.add("\",\"id\":")
        line.add(id)
        switch operation {
        case .hello: hello(&line)
        case .register, .accept, .reject, .status, .log, .log_end:
            addReport(operation, &line, &random, learned, assigned)
        case .submit:
            line.add(",")
            SpecMaker.add(to: &line, &random)
        case .submit_many: addTasks(&line, &random) { SpecMaker.add(to: &$0, &$1) }
        case .importTasks: addTasks(&line, &random) { SpecMaker.addImported(to: &$0, &$1) }
        case .list: addFilter(&line, &random, learned)
        case .get, .wait, .logs, .cancel, .watch: addSubject(operation, &line, &random, learned)
        case .unsubscribe: line.member("sub", random.below(20))
        case .drain:
            line.member("nodeId", Self.name(node: random.below(Self.nodes)))
            line.member("on", json: random.oneIn(2) ? "true" : "false")
        case .nodes: line.member("limit", 1 + random.below(20))
        case .ping, .help, .heartbeat, .deregister: break
        }
        line.add("}")
        return line.bytes
    }

    private func operation(_ id: Int, _ random: inout SplitMix64) -> Operation {
        if id == 0 { return .hello }
        if id == 1, role == .worker { return .register }
        // What is the other role's is refused, and that too is to be tried.
        let isOwn = !random.oneIn(20)
        return random.pick((role == .client) == isOwn ? Self.ofClients : Self.ofWorkers)
    }

    private static func name(node: Int) -> [UInt8] { Array("fuzz-\(node)".utf8) }

    private func hello(_ line: inout LineText) {
        line.member("proto", 1)
        line.member("role", json: role == .client ? "\"client\"" : "\"worker\"")
        guard role == .worker else { return }
        line.member("node", Self.name(node: node))
        line.member("instance", Array("i\(instance)".utf8))
    }

    private func addTasks(
        _ line: inout LineText,
        _ random: inout SplitMix64,
        _ one: (inout LineText, inout SplitMix64) -> Void
    ) {
        line.add(",\"tasks\":[")
        for index in 0...random.below(6) {
            line.add(index == 0 ? "{" : ",{")
            one(&line, &random)
            line.add("}")
        }
        line.add("]")
    }

    private func addFilter(_ line: inout LineText, _ random: inout SplitMix64, _ learned: Learned) {
        if random.oneIn(2) { line.member("limit", 1 + random.below(random.oneIn(20) ? 1_000 : 20)) }
        if random.oneIn(3) { line.member("status", json: random.oneIn(2) ? "\"pending\"" : "[\"running\",\"failed\"]") }
        if random.oneIn(4) { line.member("labels", json: random.oneIn(2) ? "{\"a\":\"b\"}" : "{\"zone\":\"a\"}") }
        if random.oneIn(6) { line.member("name", json: "\"f-7\"") }
        if random.oneIn(6) { line.member("nodeId", Self.name(node: random.below(Self.nodes))) }
        if random.oneIn(4) { line.member("order", json: random.oneIn(2) ? "\"asc\"" : "\"desc\"") }
        if random.oneIn(8) { line.member("since", json: "\"2026-01-02T03:04:05.678Z\"") }
        if random.oneIn(8) { line.member("until", json: "\"2036-01-02T03:04:05.678Z\"") }
        if random.oneIn(6) { line.member("history", json: "true") }
        let cursor = learned.cursor(&random)
        if random.oneIn(4) { line.member("cursor", cursor) }
    }

    private func addSubject(
        _ operation: Operation,
        _ line: inout LineText,
        _ random: inout SplitMix64,
        _ learned: Learned
    ) {
        let (task, cursor) = (learned.task(&random), learned.cursor(&random))
        if operation != .watch || random.oneIn(2) { line.member("taskId", task) }
        if operation == .watch, random.oneIn(3) { line.member("cursor", cursor) }
        guard operation == .logs else { return }
        line.member("tail", random.below(1 << 20))
        line.member("follow", json: random.oneIn(2) ? "true" : "false")
    }

    private func addReport(
        _ operation: Operation,
        _ line: inout LineText,
        _ random: inout SplitMix64,
        _ learned: Learned,
        _ assigned: [Assigned]
    ) {
        if operation == .register {
            line.member("slots", 1 + random.below(8))
            line.member("cpu", 1 + random.below(64))
            line.member("memory", 1 << (20 + random.below(20)))
            line.member("labels", json: "{\"zone\":\"a\"}")
        }
        if operation == .log || operation == .log_end {
            line.member("sub", random.below(8))
            if operation == .log { line.member("text", json: "\"a line\\n\"") }
            if operation == .log { line.member("stream", json: "\"stdout\"") }
            return
        }
        let (draw, other) = (random.below(64), learned.task(&random))
        let attempt = assigned.isEmpty ? Assigned(task: other, attempt: 1) : assigned[draw % assigned.count]
        if operation == .register {
            guard !assigned.isEmpty else { return }
            line.add(",\"attempts\":[{\"taskId\":\"")
            line.add(attempt.task)
            line.add("\"")
            line.member("attempt", attempt.attempt)
            line.add("}]")
            return
        }
        line.member("taskId", attempt.task)
        line.member("attempt", attempt.attempt)
        guard operation == .status else { return }
        let statuses: [StaticString] = ["\"scheduled\"", "\"running\"", "\"completed\"", "\"completed\"", "\"failed\""]
        line.member("status", json: random.pick(statuses))
        if random.oneIn(3) { line.member("detail", json: "\"pulling busybox\"") }
        if random.oneIn(8) { line.member("startedAt", json: "\"2026-01-02T03:04:05.678Z\"") }
        if random.oneIn(8) { line.member("containerId", json: "\"c-1\"") }
    }
}
