//! Submits a task and waits for its end, across lost connections and a change of the leader.

import PodlingClient

/// The spec of a task that echoes one word; the key makes it safe to submit again.
func spec(key: String) -> [UInt8] {
    var object = ObjectWriter()
    object.string("name", "hello")
    object.string("image", "busybox")
    object.strings("command", ["echo", "hello"])
    object.string("idempotencyKey", key)
    return object.finish()
}

let masters = try MasterAddress.list(parsing: CommandLine.arguments.dropFirst().first ?? "127.0.0.1:7070")
let link = MasterLink(addresses: masters)
let key = "hello-\(UInt64.random(in: .min ... .max))"
let task = try await link.perform { client in
    let submitted = try await client.submit(spec: spec(key: key))
    return try await client.wait(taskId: submitted.taskId)
}
print("\(task.taskId) is \(task.status), exit code \(task.exitCode ?? -1)")
await link.close()
