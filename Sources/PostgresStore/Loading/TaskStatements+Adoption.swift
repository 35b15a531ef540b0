import PodlingCore
import PodlingProtocol

extension TaskStatements {
    private static let liveStatuses = "('pending', 'scheduled', 'running')"

    /// Rows that another program wrote by the storage document: the live ones, and the latest of the terminal ones.
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

    /// Converts such a row to a task, whatever it holds.
    /// - Returns: the task, and a human-readable remark on what could not be converted; the fault of a task that fails
    ///   is in its error instead.
    static func adoptedRow(_ result: PGResult, _ row: Int) -> (task: TaskRow, remark: String?) {
        var remarks: [String] = []
        let written = result.text(row, 5) ?? ""
        let status = adoptedStatus(written)
        if status == nil { remarks.append("status \"\(written)\" is none of Podling's: taken as failed") }
        var task = Self.row(result, row, named: result.text(row, 0) ?? "", status ?? .failed)
        // An empty string is not a name.
        if task.nodeID?.isEmpty == true { task.nodeID = nil }
        if task.containerID?.isEmpty == true { task.containerID = nil }
        if !task.status.isTerminal { task.finishedAt = 0 }
        // The other program counts no attempts.
        let hasRun = task.status != .pending && (task.status != .cancelled || task.startedAt != 0)
        if hasRun { task.attempt = max(task.attempt, 1) }
        // Without a node nobody could report on it, and no lease would end it.
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
        // A row that was rewritten since has the remark already.
        if !remarks.isEmpty, task.error?.hasPrefix(remarksText) != true {
            task.error = task.error.map { "\(remarksText); \($0)" } ?? remarksText
        }
        task.error = task.error.map { $0.cut(toBytes: Limits.errorBytesMax) }
        if hasNoNode { remarks.append("status \"\(written)\" without a node: it waits") }
        return (task, remarks.isEmpty ? nil : remarks.joined(separator: "; "))
    }

    private static func adoptedStatus(_ text: String) -> TaskStatus? {
        let name = text.lowercased().filter { $0 != " " }
        return name == "canceled" ? .cancelled : TaskStatus(name)
    }
}

/// Builds the spec of a row that has none from the storage document's columns.
enum AdoptedSpec {
    /// - Returns: the members without the braces, which fit a line of I-JSON, and the rule that the env breaks; the env
    ///   is then left out, and without it this is another task.
    static func spec(name: String, image: String, env: [UInt8]?) -> (spec: [UInt8], fault: String?) {
        var writer = JSONWriter(capacityBytes: 512)
        writer.beginObject("name", name)
        writer.member("image", image)
        let bare = writer.withUnsafeBytes { [UInt8]($0.dropFirst()) }
        guard let env, !env.elementsEqual("null".utf8) else { return (bare, nil) }
        let whole = bare + Array(",\"env\":".utf8) + env
        // The limit that holds for a submitted spec: the line must be readable by all.
        guard whole.count <= Limits.specBytesMax else {
            return (bare, "env: has \(env.count) bytes; a whole spec has \(Limits.specBytesMax) at most. \(isThere)")
        }
        // The reader that a submitted spec passes: the line must be readable by all.
        var reader = JSONReader()
        do {
            try (Array("{\"a\":{".utf8) + whole + Array("}}".utf8)).withUnsafeBytes { _ = try reader.parse($0) }
        } catch {
            return (bare, "env: is no I-JSON: \(error). \(isThere)")
        }
        return (whole, nil)
    }

    private static let isThere = "It is in the database only"
}
