import PodlingClient

/// Fetches all tasks page by page, and writes them with the trailer.
struct Exporter {
    private static let pageLimit = 1_000

    let link: MasterLink
    let statuses: [String]
    /// nil is standard output.
    let file: OutputFile?

    /// - Returns: the count of tasks.
    func run() async throws -> Int {
        var filter = TaskFilter()
        filter.statuses = statuses
        filter.hasHistory = true
        filter.pageLimit = Self.pageLimit
        var progress = Progress("exported")
        defer { progress.end() }
        let checksum = Checksum()
        var count = 0
        var cursor: String?
        var epoch: String?
        repeat {
            try Task.checkCancellation()
            let (page, now) = try await link.perform { [filter, cursor] client in
                (try await client.listPage(filter, cursor: cursor), client.epoch)
            }
            guard epoch == nil || epoch == now else {
                throw Failure(message: "the master started anew, or another took over, during the export: run it again")
            }
            epoch = now
            var text: [UInt8] = []
            for task in page.tasks {
                text += task.json
                text.append(UInt8(ascii: "\n"))
            }
            checksum.add(text)
            try write(text)
            count += page.tasks.count
            progress.tell(count)
            cursor = page.cursor
        } while cursor != nil
        try write(Array(ExportTrailer(count: count, sha256: try checksum.text()).line.utf8))
        try file?.finish()
        return count
    }

    private func write(_ text: [UInt8]) throws {
        if let file { try file.write(text) } else { try Console.out(json: text) }
    }
}
