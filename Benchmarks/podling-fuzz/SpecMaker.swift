/// Makes the members of task specs and of tasks as `import` takes them.
enum SpecMaker {
    private static let keys = 500
    private static let attemptsAtTheEdge = [
        99, 100, 101, 999_999, 1_000_000, 1_000_001, Int(Int32.max) - 1, Int(Int32.max),
    ]

    static func add(to line: inout LineText, _ random: inout SplitMix64) {
        line.add("\"name\":\"f-")
        line.add(random.below(100))
        line.add("\"")
        line.member("image", json: "\"busybox\"")
        if random.oneIn(2) { line.member("command", json: "[\"/bin/sh\",\"-c\",\"echo hi\"]") }
        if random.oneIn(4) { line.member("args", json: "[\"--width\",\"640\"]") }
        if random.oneIn(4) { line.member("env", json: "{\"SOURCE\":\"a\",\"TARGET\":\"b\"}") }
        if random.oneIn(3) {
            line.member("labels", json: random.oneIn(2) ? "{\"a\":\"b\"}" : "{\"zone\":\"a\",\"x\":\"y\"}")
        }
        if random.oneIn(6) {
            line.member("nodeSelector", json: random.oneIn(4) ? "{\"zone\":\"b\"}" : "{\"zone\":\"a\"}")
        }
        if random.oneIn(6) { line.member("priority", random.below(2_001) - 1_000) }
        if random.oneIn(8) { line.member("timeoutSeconds", 1 + random.below(5)) }
        if random.oneIn(6) { line.member("maxAttempts", 1 + random.below(3)) }
        if random.oneIn(6) { line.member("onNodeLost", json: random.oneIn(2) ? "\"fail\"" : "\"requeue\"") }
        if random.oneIn(8) { line.member("stopGraceSeconds", random.below(3)) }
        if random.oneIn(8) { line.member("pullPolicy", json: "\"never\"") }
        if random.oneIn(8) { line.member("workingDir", json: "\"/tmp\"") }
        if random.oneIn(8) { line.member("ports", json: "[{\"container\":80,\"host\":8080,\"protocol\":\"tcp\"}]") }
        if random.oneIn(3) { addResources(to: &line, &random) }
        let key = random.below(keys)
        if random.oneIn(10) { line.member("idempotencyKey", Array("key-\(key)".utf8)) }
    }

    /// Mostly of a few shapes; some of a shape of their own, and some that no node has room for.
    private static func addResources(to line: inout LineText, _ random: inout SplitMix64) {
        let isOfItsOwn = random.oneIn(10)
        line.add(",\"resources\":{\"requests\":{\"cpu\":\"")
        line.add(isOfItsOwn ? 1 + random.below(64_000) : 1_000 * (1 + random.below(4)))
        line.add("m\"")
        line.member("memory", 1 << (random.oneIn(10) ? 50 : 10 + random.below(20)))
        line.add("}}")
    }

    static func addImported(to line: inout LineText, _ random: inout SplitMix64) {
        add(to: &line, &random)
        line.member("taskId", Array("x-\(random.below(LineMaker.foreignIDs))".utf8))
        line.member("createdAt", json: "\"2026-01-02T03:04:05.678Z\"")
        let status = random.below(5)
        let statuses: [StaticString] = ["\"pending\"", "\"running\"", "\"completed\"", "\"failed\"", "\"cancelled\""]
        line.member("status", json: statuses[status])
        let attempt = random.oneIn(10) ? random.pick(attemptsAtTheEdge) : 1 + random.below(3)
        if status > 0 || random.oneIn(2) { line.member("attempt", attempt) }
        guard status > 0 else { return }
        line.member("nodeId", Array("fuzz-\(random.below(50))".utf8))
        line.member("startedAt", json: "\"2026-01-02T03:04:06.678Z\"")
        if status > 1 { line.member("finishedAt", json: "\"2026-01-02T03:04:07.678Z\"") }
        if status == 3 { line.member("exitCode", 1 + random.below(255)) }
    }
}
