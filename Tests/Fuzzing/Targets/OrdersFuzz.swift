import PodlingProtocol

@testable import PodlingAgent

/// The worker's state machine before a hostile master: the input is the master's lines.
enum OrdersFuzz {
    private static let key = AttemptKey(taskId: "t1", attempt: 1)

    static func run(_ bytes: UnsafeRawBufferPointer) {
        var agent = AgentCore(
            configuration: AgentConfiguration(
                nodeId: "n",
                instance: "i",
                slots: 2,
                cpuMillis: 1_000,
                memoryBytes: 1 << 30
            )
        )
        var reader = MasterLineReader(nodeId: "n")
        var now: Int64 = 1_000
        act(agent.handle(.tick, now: now, wall: now, jitter: 0.5))
        act(agent.handle(.connected, now: now, wall: now, jitter: 0.5))
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            now += 50
            guard let message = try? reader.read(Array(line)) else { continue }
            act(agent.handle(.message(message), now: now, wall: now, jitter: 0.5))
            act(agent.handle(.prepared(key), now: now, wall: now, jitter: 0.5))
            act(agent.handle(.tick, now: now, wall: now, jitter: 0.5))
        }
        now += 100_000
        act(agent.handle(.tick, now: now, wall: now, jitter: 1))
        act(agent.handle(.shutdown, now: now, wall: now, jitter: 0))
    }

    /// Each request of the worker is a line of JSON within its bound.
    private static func act(_ actions: [AgentAction]) {
        for case .send(let request) in actions {
            var writer = JSONWriter(capacityBytes: 512)
            request.write(to: &writer)
            writer.withUnsafeBytes { line in
                var json = JSONReader()
                require((try? json.parse(line)) != nil, "no JSON: \(String(decoding: line, as: UTF8.self))")
                require(line.count <= Limits.lineBytesMax, "a line of \(line.count) bytes")
            }
        }
    }
}
