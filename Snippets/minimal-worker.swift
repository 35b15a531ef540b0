//! A worker with one slot, by `LineConnection`: its tasks print their command and are completed.
//!
//! It keeps no state, so it does not repeat a report or reconnect: a worker has more duties (proto-spec section 11.1).

import PodlingClient
import PodlingProtocol

/// Writes one object, with the member `op` first.
func line(_ operation: String, _ write: (inout ObjectWriter) -> Void = { _ in }) -> [UInt8] {
    var object = ObjectWriter()
    object.string("op", operation)
    write(&object)
    return object.finish()
}

let master = try MasterAddress(parsing: CommandLine.arguments.dropFirst().first ?? "127.0.0.1:7070")
let connection = try await LineConnection.connect(to: master)
connection.send(
    line("hello") {
        $0.int("proto", 1)
        $0.string("role", "worker")
        $0.string("node", "minimal")
        $0.string("instance", String(UInt64.random(in: .min ... .max), radix: 36))
    }
)
connection.send(
    line("register") {
        $0.int("slots", 1)
        $0.json("attempts", Array("[]".utf8))
    }
)
let heartbeat = Task {
    while !Task.isCancelled {
        try await Task.sleep(for: .seconds(Limits.heartbeatMillisecondsDefault / 1_000))
        connection.send(line("heartbeat"))
    }
}

/// Runs what an `assign` brings; nil for every other line.
func assigned(_ bytes: [UInt8]) throws -> (taskId: String, attempt: Int, spec: TaskSpec)? {
    var reader = JSONReader()
    return try bytes.withUnsafeBytes { bytes in
        let event = try reader.parse(bytes).root
        if let error = event["err"] { print("error:", error["msg"]?.string() ?? "") }
        guard event["ev"]?.stringEquals("assign") == true, let spec = event["spec"] else { return nil }
        return (try event.required("taskId").taskID(), event["attempt"]?.int() ?? 0, try TaskSpec(spec))
    }
}

for try await bytes in connection.inbound {
    guard let (taskId, attempt, spec) = try assigned(bytes) else { continue }
    print("\(taskId), attempt \(attempt): \(spec.command ?? [])")
    for status in [TaskStatus.running, .completed] {
        connection.send(
            line("status") {
                $0.string("taskId", taskId)
                $0.int("attempt", attempt)
                $0.string("status", "\(status.name)")
                $0.int("exitCode", status.isTerminal ? 0 : nil)
            }
        )
    }
}
heartbeat.cancel()
