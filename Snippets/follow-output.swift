//! Submits a task and prints its output while it runs.

import PodlingClient

let masters = try MasterAddress.list(parsing: CommandLine.arguments.dropFirst().first ?? "127.0.0.1:7070")
let client = try await PodlingClient.connect(to: masters)
let spec = #"{"name":"count","image":"busybox","command":["sh","-c","for i in 1 2 3; do echo $i; sleep 1; done"]}"#
let task = try await client.submit(spec: Array(spec.utf8))
let (attempt, events) = try await client.logs(taskId: task.taskId, from: LogPlace(), isFollowing: true)
for try await event in events {
    switch event {
    case .output(let stream, let bytes):
        print("\(stream): \(String(decoding: bytes, as: UTF8.self))", terminator: "")
    case .end(let end):
        print("attempt \(max(attempt, end.attempt)) is \(end.status ?? "unknown"), \(end.droppedBytes) bytes dropped")
    }
}
client.close()
