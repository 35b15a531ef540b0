import ArgumentParser
import PodlingClient

struct PsCommand: AsyncParsableCommand {
    private static let pageLimitMax = 1000
    private static let limitDefault = 100

    static let configuration = CommandConfiguration(
        commandName: "ps",
        abstract: "List tasks, newest first: those that live, or all."
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: FormatOptions

    @Flag(name: [.short, .long], help: "Ended tasks too, all that are kept.")
    var all = false

    @Option(
        name: .long,
        help: "Only tasks with this status; may be repeated.",
        completion: .list(TaskView.liveStatuses + TaskView.endedStatuses)
    )
    var status: [String] = []

    @Option(name: .long, help: "Only tasks of this node.", completion: Completions.nodes)
    var node: String?

    @Option(name: .long, help: "Only tasks of this name.")
    var name: String?

    @Option(name: .long, help: "List at most so many; 0 lists all. (default: \(limitDefault))")
    var limit: Int?

    func validate() throws {
        let known = TaskView.liveStatuses + TaskView.endedStatuses
        for text in status where !known.contains(text) {
            throw ValidationError("--status \(text): must be one of \(known.joined(separator: ", "))")
        }
        guard limit ?? 0 >= 0 else { throw ValidationError("--limit must not be negative") }
    }

    func run() async throws {
        let link = try connection.link(.leaderOrStandby)
        var filter = TaskFilter()
        filter.statuses = status.isEmpty && !all ? TaskView.liveStatuses : status
        filter.nodeId = node
        filter.name = name
        filter.hasHistory = all || status.contains { TaskView.endedStatuses.contains($0) }
        filter.isDescending = true
        filter.isPartial = true
        var objects = JSONObjects(format.output)
        var table = TaskText.table([], now: 0)
        var left = limit == 0 ? Int.max : limit ?? Self.limitDefault
        var cursor: String?
        var withheldCount = 0
        repeat {
            filter.pageLimit = min(left, Self.pageLimitMax)
            let page = try await link.perform { [filter, cursor] in try await $0.listPage(filter, cursor: cursor) }
            left -= page.tasks.count
            cursor = page.cursor
            withheldCount += page.withheldCount
            if format.output == .table {
                for row in TaskText.table(page.tasks, now: Quantities.now()).rows { table.add(row) }
            } else {
                try Console.out(json: objects.text(of: page.tasks.map(\.json)))
            }
        } while cursor != nil && left > 0
        if format.output == .table {
            try Console.out(table.rendered(colour: Self.colour))
        } else {
            try Console.out(json: objects.end())
        }
        if withheldCount > 0 {
            Console.note("\(withheldCount) more: the master's database is away, and lacks their last changes yet")
        }
        // Without a limit of their own, users must not take one page for all tasks.
        if cursor != nil, limit == nil {
            Console.note("there may be more: these are \(Self.limitDefault); see --limit")
        }
    }

    private static func colour(_ column: Int, _ cell: String) -> String? {
        Console.hasColours && column == TaskText.statusColumn ? TaskText.colour(cell) : nil
    }
}
