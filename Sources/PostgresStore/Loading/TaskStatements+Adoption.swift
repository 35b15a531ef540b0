import PodlingCore
import PodlingProtocol

extension TaskStatements {
    private static let liveStatuses = "('pending', 'scheduled', 'running')"

    /// Rows that another program made by the storage document: those that live, and of the ended ones the latest.
    static func openAdoption(endedMax: Int) -> String {
        """
        DECLARE adopted NO SCROLL CURSOR FOR SELECT \(adoptedColumns)
        FROM tasks WHERE spec IS NULL AND (lower(btrim(status)) IN \(liveStatuses) OR task_id IN (
            SELECT task_id FROM tasks WHERE spec IS NULL AND lower(btrim(status)) NOT IN \(liveStatuses)
            ORDER BY coalesce(finished_at, created_at) DESC LIMIT \(endedMax)
        ))
        """
    }

    static let countAdoptable = "SELECT count(*) FROM tasks WHERE spec IS NULL"

    /// A task of such a row. Whatever the row says, it becomes a task.
    /// - Returns: the task, and what could not be taken as it stands, for people; what its fault says is told where it fails.
    static func adoptedRow(_ result: PGResult, _ row: Int) -> (task: TaskRow, remark: String?) {
        var task = TaskRow(named: result.text(row, 0) ?? "", createdAt: Int64(result.int(row, 13) ?? 0))
        let reason = result.text(row, 6)
        var remarks: [String] = []
        let written = result.text(row, 5) ?? ""
        if let status = adoptedStatus(written) {
            task.status = status
        } else {
            task.status = .failed
            remarks.append("status \"\(written)\" is none of Podling's: taken as failed")
        }
        task.attempt = result.int(row, 1) ?? 0
        task.unchargedAttempts = result.int(row, 2) ?? 0
        task.rejections = result.int(row, 3) ?? 0
        task.isCancelRequested = result.flag(row, 4)
        task.reason = TaskReason.allCases.first { $0.name.description == reason } ?? .none
        task.exitCode = result.int(row, 7)
        // Nothing is called "".
        task.nodeID = result.text(row, 8).flatMap { $0.isEmpty ? nil : $0 }
        task.containerID = result.text(row, 9).flatMap { $0.isEmpty ? nil : $0 }
        task.error = result.text(row, 10)
        task.detail = result.text(row, 11)
        task.scheduledAt = Int64(result.int(row, 14) ?? 0)
        task.startedAt = Int64(result.int(row, 15) ?? 0)
        task.finishedAt = task.status.isTerminal ? Int64(result.int(row, 16) ?? 0) : 0
        // The other program counted no attempts.
        let hasRun = task.status != .pending && (task.status != .cancelled || task.startedAt != 0)
        if hasRun { task.attempt = max(task.attempt, 1) }
        // Without a node nobody could report it, and no lease would end it.
        let hasNoNode = task.nodeID == nil && (task.status == .scheduled || task.status == .running)
        if hasNoNode { task.status = .pending }
        let (spec, fault) = AdoptedSpec.spec(
            name: result.text(row, 18) ?? "",
            image: result.text(row, 19) ?? "",
            env: result.bytes(row, 20)
        )
        task.spec = spec
        task.isAdopted = true
        task.fault = fault
        if let fault, task.status != .pending { remarks.append(fault) }
        let remarksText = remarks.joined(separator: "; ")
        // A row that was written since says it already.
        if !remarks.isEmpty, task.error?.hasPrefix(remarksText) != true {
            task.error = task.error.map { "\(remarksText); \($0)" } ?? remarksText
        }
        task.error = task.error.map { AdoptedSpec.cut($0, Limits.errorBytesMax) }
        if hasNoNode { remarks.append("status \"\(written)\" without a node: it waits") }
        return (task, remarks.isEmpty ? nil : remarks.joined(separator: "; "))
    }

    private static func adoptedStatus(_ text: String) -> TaskStatus? {
        let name = text.lowercased().filter { $0 != " " }
        return name == "canceled" ? .cancelled : TaskStatus(name)
    }
}

/// The spec of a row that has none: what the storage document's columns say of it.
enum AdoptedSpec {
    /// - Returns: the members without the braces, which are a line's worth of I-JSON, and the rule that forbids the env, which is
    ///   left out then: without it this is another task.
    static func spec(name: String, image: String, env: [UInt8]?) -> (spec: [UInt8], fault: String?) {
        var writer = JSONWriter(capacityBytes: 512)
        writer.raw("\"name\":")
        writer.string(name)
        writer.raw(",\"image\":")
        writer.string(image)
        let bare = writer.withUnsafeBytes { [UInt8]($0) }
        guard let env, !env.elementsEqual("null".utf8) else { return (bare, nil) }
        let whole = bare + Array(",\"env\":".utf8) + env
        // The same bound and the same reader as for a spec that is submitted: the line must be readable by all.
        guard whole.count <= Limits.specBytesMax else {
            return (bare, "env: has \(env.count) bytes; a whole spec has \(Limits.specBytesMax) at most. \(isThere)")
        }
        // The same reader as for a spec that is submitted: the line must be readable by all.
        var reader = JSONReader()
        do {
            try (Array("{\"a\":{".utf8) + whole + Array("}}".utf8)).withUnsafeBytes { _ = try reader.parse($0) }
        } catch {
            return (bare, "env: is no I-JSON: \(error). \(isThere)")
        }
        return (whole, nil)
    }

    private static let isThere = "It is in the database only"

    /// The text, cut between characters to at most this many bytes.
    static func cut(_ text: String, _ bytesMax: Int) -> String {
        guard text.utf8.count > bytesMax else { return text }
        var bytes = 0
        return String(
            String.UnicodeScalarView(
                text.unicodeScalars.prefix { scalar in
                    bytes += UTF8.width(scalar)
                    return bytes <= bytesMax
                }
            )
        )
    }
}
