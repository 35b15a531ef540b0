//! Prints every transition of every task, and continues after a lost connection where it was.

import PodlingClient

let masters = try MasterAddress.list(parsing: CommandLine.arguments.dropFirst().first ?? "127.0.0.1:7070")
var cursor: String?
while true {
    do {
        let client = try await PodlingClient.connect(to: masters)
        let (start, events) = try await client.watch(cursor: cursor)
        cursor = start
        for try await event in events {
            cursor = event.cursor ?? cursor
            switch event {
            case .task(let change): print("\(change.taskId) \(change.from ?? "new") -> \(change.to)")
            case .gap(let missed, _): print("\(missed) transitions were missed")
            case .done: break
            }
        }
    } catch let error as PodlingError where error.code == "cursor_expired" {
        cursor = nil
    } catch  where MasterLink.mayPass(error) {
        print("trying again: \(error)")
        try await Task.sleep(for: .seconds(1))
    }
}
