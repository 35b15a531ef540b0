import PodlingAgent
import PodlingCore
import PodlingProtocol

/// Nothing leaves before it is durable: whatever a line says of a task, the task's row says at that time, or more
/// (invariants 1, 13 and 18).
final class DurabilityChecker {
    private static let name = "nothing leaves before it is durable"

    private let world: World
    private let database: Database
    private let acknowledged: AcknowledgedChecker
    private var reader = JSONReader()

    init(_ world: World, _ database: Database, _ acknowledged: AcknowledgedChecker) {
        self.world = world
        self.database = database
        self.acknowledged = acknowledged
    }

    /// Lines leave a master.
    func leaves(_ lines: UnsafeRawBufferPointer, from master: Process) {
        guard !database.isBehind else { return }
        for line in lines.split(separator: 0x0A) { check(UnsafeRawBufferPointer(rebasing: line), master) }
    }

    private func check(_ line: UnsafeRawBufferPointer, _ master: Process) {
        guard let root = try? reader.parse(line).root else {
            return world.fail("lines", "\(master.name) sends \(String(decoding: line, as: UTF8.self))")
        }
        if let event = root["ev"] {
            if event.stringEquals("assign") {
                says(root, line, attempt: root["attempt"]?.int(), .scheduled)
            } else if event.stringEquals("task") {
                says(root, line, attempt: root["attempt"]?.int(), root["to"].flatMap { TaskStatus($0) })
            } else if event.stringEquals("done"), let task = root["task"] {
                object(task, line)
            }
        } else if let body = root["ok"], body.isObject {
            if let task = body["task"] { object(task, line) }
            if body["taskId"] != nil { object(body, line) }
            if let ids = body["taskIds"] {
                for id in ids.elements { isThere(id.string() ?? "", line, attempt: 0, .scheduled) }
            }
        }
    }

    private func object(_ task: JSONValue, _ line: UnsafeRawBufferPointer) {
        says(task, line, attempt: task["attempt"]?.int(), task["status"].flatMap { TaskStatus($0) })
    }

    private func says(_ object: JSONValue, _ line: UnsafeRawBufferPointer, attempt: Int?, _ status: TaskStatus?) {
        guard let id = object["taskId"]?.string(), let attempt, let status else { return }
        isThere(id, line, attempt: attempt, status)
    }

    private func isThere(_ id: String, _ line: UnsafeRawBufferPointer, attempt: Int, _ status: TaskStatus) {
        guard !acknowledged.excused.contains(id) else { return }
        let stored = database.tasks[id]
        guard stored?.isRefused != true else { return }
        // A task that the store refused is cancelled to its watchers, who alone have heard of it.
        if stored == nil, database.refusedNew.contains(id), !line.starts(with: "{\"ev\":\"assign\"".utf8),
            !line.starts(with: "{\"re\":".utf8)
        {
            return
        }
        var said = TaskRow(id: TaskID(number: 0), createdAt: 0)
        (said.attempt, said.status) = (attempt, status)
        let step = attempt == 0 && status == .pending ? 0 : said.stepInAttempt
        if let row = stored?.row, (row.attempt, row.stepInAttempt) >= (attempt, step) { return }
        world.fail(
            Self.name,
            "a line says \(status.name) of \(id)/\(attempt), and the row is "
                + (stored.map { "\($0.row.status.name) of \($0.row.attempt)" } ?? "not there"),
            task: id
        )
    }

    /// An assignment arrives.
    func assigned(_ key: AttemptKey, to node: String) {
        guard !database.isBehind, !acknowledged.excused.contains(key.taskId) else { return }
        guard let stored = database.tasks[key.taskId], !stored.isRefused else { return }
        if stored.row.attempt == key.attempt, stored.row.isAssigned, stored.row.nodeID != node {
            world.fail(
                Self.name,
                "\(key.taskId)/\(key.attempt) is assigned to \(node), and is not its",
                task: key.taskId
            )
        }
    }
}
