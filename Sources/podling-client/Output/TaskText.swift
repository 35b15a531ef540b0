import PodlingClient
import PodlingProtocol

/// Human-readable tasks and nodes.
enum TaskText {
    static let statusColumn = 3

    static func table(_ tasks: [TaskView], now: Int64) -> Table {
        var table = Table(["TASK", "NAME", "IMAGE", "STATUS", "NODE", "CREATED", "WHY"])
        for task in tasks {
            table.add([
                task.taskId, task.name, task.image, status(task), task.nodeId ?? "-",
                Quantities.age(task.createdAt, now: now), why(task),
            ])
        }
        return table
    }

    /// Formats a status: `running`, `running (cancelling)`, `failed (3)`, `pending (attempt 2)`.
    static func status(_ task: TaskView) -> String {
        if task.hasEnded { return task.exitCode.map { "\(task.status) (\($0))" } ?? task.status }
        if task.isCancelRequested { return "\(task.status) (cancelling)" }
        return task.attempt > 1 ? "\(task.status) (attempt \(task.attempt))" : task.status
    }

    /// The reason for the task's status, or the current activity.
    static func why(_ task: TaskView) -> String {
        if let reason = task.reason, reason != "exit_code", reason != task.status {
            return task.error.map { "\(reason): \($0)" } ?? reason
        }
        return task.error ?? (task.hasEnded ? "" : task.detail ?? "")
    }

    /// The ANSI colour of a status.
    static func colour(_ status: String) -> String? {
        switch status.prefix(while: { $0 != " " }) {
        case "running", "completed", "online": "32"
        case "failed", "offline": "31"
        case "cancelled", "draining": "33"
        default: nil
        }
    }

    /// Formats one task, a member on each line.
    static func details(_ task: TaskView) -> String {
        var members: [(String, String?)] = [
            ("task", task.taskId), ("name", task.name), ("status", status(task)), ("reason", task.reason),
            ("error", task.error), ("detail", task.detail), ("image", task.image),
            ("command", task.command.map { $0.isEmpty ? "\"\"" : words($0) }),
            ("args", task.args.isEmpty ? nil : words(task.args)),
            ("attempt", "\(task.attempt)"), ("node", task.nodeId), ("container", task.containerId),
            ("exit code", task.exitCode.map { "\($0)" }),
        ]
        members += task.labels.map { ("label", "\($0.name)=\($0.value)") }
        members += [
            ("created", time(task.createdAt)), ("scheduled", time(task.scheduledAt)),
            ("started", time(task.startedAt)), ("finished", time(task.finishedAt)),
        ]
        var text = ""
        for case (let name, let value?) in members {
            text += name + String(repeating: " ", count: 12 - name.count) + TerminalSafeText.escaped(value) + "\n"
        }
        return text
    }

    static func nodes(_ nodes: [NodeView], now: Int64) -> Table {
        var table = Table(["NODE", "STATUS", "SLOTS", "CPU", "MEMORY", "ENGINE", "HEARTBEAT", "LABELS"])
        for node in nodes {
            let remarks = [node.isDraining ? "draining" : nil, node.engineError == nil ? nil : "engine away"]
            let remark = remarks.compactMap(\.self).joined(separator: ", ")
            let status = remark.isEmpty ? node.status : "\(node.status) (\(remark))"
            table.add([
                node.nodeId, status, "\(node.used)/\(node.slots)",
                "\(Quantities.cpu(node.cpuUsed ?? 0))/\(Quantities.cpu(node.cpu))",
                "\(Quantities.memory(node.memoryUsedBytes ?? 0))/\(Quantities.memory(node.memoryBytes))",
                node.engine ?? "-", Quantities.age(node.lastHeartbeat, now: now),
                node.labels.map { "\($0.name)=\($0.value)" }.joined(separator: ","),
            ])
        }
        return table
    }

    static func transition(_ transition: TaskTransition) -> String {
        let place = transition.nodeId.map { " on \($0)" } ?? ""
        let reason = transition.reason.map { " (\($0))" } ?? ""
        let step = "\(transition.from ?? "new") -> \(transition.to)"
        let text =
            "\(time(transition.at) ?? "-")  \(transition.taskId)  \(transition.name)  "
            + "\(step)  attempt \(transition.attempt)\(place)\(reason)"
        return TerminalSafeText.escaped(text) + "\n"
    }

    private static func time(_ milliseconds: Int64?) -> String? { milliseconds.map { Timestamp.format($0) } }

    private static func words(_ words: [String]) -> String {
        words.map { $0.isEmpty || $0.contains(where: \.isWhitespace) ? "'\($0)'" : $0 }.joined(separator: " ")
    }
}
