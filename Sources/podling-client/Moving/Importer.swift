import PodlingClient
import PodlingProtocol

/// Validates a file of tasks, and imports them in batches.
struct Importer {
    struct Counts {
        var imported = 0
        var existing = 0
        var conflicts = 0
        var skipped = 0
        /// The line of the last task that the master has acknowledged.
        var lastLine = 0
    }

    /// Size limit of a request, well below the longest line that a master accepts.
    static let requestBytesMax = 512 * 1024
    static let requestTasksMax = 500
    private static let faultsToldMax = 20

    let file: TaskFile
    let skipsInvalid: Bool
    let needsTrailer: Bool
    var counts = Counts()
    private var epoch: String?
    private var batch: [TaskFile.Item] = []
    private var batchBytes = 0

    init(file: TaskFile, skipsInvalid: Bool, needsTrailer: Bool) {
        self.file = file
        self.skipsInvalid = skipsInvalid
        self.needsTrailer = needsTrailer
    }

    // MARK: Validating

    /// Reads the file to its end.
    ///
    /// - Returns: the count of valid tasks.
    /// - Throws: `Failure` where the file is incomplete, or a task breaks a rule and none may be skipped.
    func check() throws -> Int {
        var progress = Progress("checked")
        defer { progress.end() }
        var faults = 0
        var good = 0
        while let item = try nextToCheck() {
            if let fault = Self.fault(of: item) {
                faults += 1
                if faults <= Self.faultsToldMax {
                    progress.end()
                    Console.note(fault)
                }
            } else {
                good += 1
            }
            progress.tell(good)
        }
        if let fault = try file.fault(needsTrailer: needsTrailer) {
            throw Failure(message: "\(fault); nothing was taken")
        }
        guard faults == 0 || skipsInvalid else {
            let count = faults == 1 ? "1 task breaks" : "\(faults) tasks break"
            throw Failure(message: "\(count) a rule; nothing was taken. --skip-invalid takes the others")
        }
        return good
    }

    private func nextToCheck() throws -> TaskFile.Item? {
        do {
            return try file.next()
        } catch let failure as Failure {
            throw Failure(message: "\(failure.message); nothing was taken", exitStatus: failure.exitStatus)
        }
    }

    private static func fault(of item: TaskFile.Item) -> String? {
        var reader = JSONReader()
        return item.task.withUnsafeBytes { bytes in
            do {
                _ = try TaskObject(try reader.parse(bytes).root)
                return nil
            } catch let error as WireError {
                return "line \(item.line): \(error.message)"
            } catch {
                return "line \(item.line): no task: \(error)"
            }
        }
    }

    // MARK: Importing

    /// Imports the tasks from the file's current position.
    ///
    /// - Throws: `Failure`; `counts` then has the progress.
    mutating func take(_ link: MasterLink) async throws {
        var progress = Progress("imported")
        defer { progress.end() }
        while let item = try file.next() {
            if let fault = Self.fault(of: item) {
                guard skipsInvalid else {
                    try await send(link)
                    throw Failure(message: fault)
                }
                progress.end()
                Console.note("\(fault); left out")
                counts.skipped += 1
                continue
            }
            if batch.count == Self.requestTasksMax || batchBytes + item.task.count > Self.requestBytesMax {
                try await send(link)
                progress.tell(counts.imported + counts.existing)
            }
            batch.append(item)
            batchBytes += item.task.count + 1
        }
        try await send(link)
        if let fault = try file.fault(needsTrailer: needsTrailer) { throw Failure(message: fault) }
    }

    private mutating func send(_ link: MasterLink) async throws {
        while !batch.isEmpty {
            try Task.checkCancellation()
            let tasks = batch.map(\.task)
            do {
                let (result, now) = try await link.perform { client in
                    (try await client.importTasks(tasks), client.epoch)
                }
                took(result)
                try checkEpoch(now)
            } catch let error as PodlingError {
                guard let index = Self.index(in: error.field), batch.indices.contains(index) else { throw error }
                // The master checks more rules than this program, such as against its own clock.
                let words = error.message.replacing("tasks[\(index)].", with: "")
                guard skipsInvalid else { throw Failure(message: "line \(batch[index].line): \(words)") }
                Console.note("line \(batch[index].line): \(words); left out")
                counts.skipped += 1
                batch.remove(at: index)
            }
        }
    }

    private mutating func took(_ result: ImportResult) {
        counts.imported += result.imported
        counts.existing += result.existing
        counts.conflicts += result.conflicts.count
        for conflict in result.conflicts {
            Console.note(
                "line \(batch[conflict.index].line): \(conflict.taskId) was left as it is here: \(conflict.message)"
            )
        }
        counts.lastLine = batch.last?.line ?? counts.lastLine
        batch.removeAll(keepingCapacity: true)
        batchBytes = 0
    }

    /// Detects a restart of a master without a database, which forgets what it imported before.
    private mutating func checkEpoch(_ now: String?) throws {
        defer { epoch = now }
        guard epoch != nil, epoch != now else { return }
        throw Failure(message: "the master started anew, or another took over: run the same import again")
    }

    /// Parses the index in a field path: the 3 of `tasks[3].env`.
    private static func index(in field: String?) -> Int? {
        guard let field, field.hasPrefix("tasks[") else { return nil }
        return Int(field.dropFirst(6).prefix { $0 != "]" })
    }
}
