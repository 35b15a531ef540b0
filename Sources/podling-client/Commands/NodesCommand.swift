import ArgumentParser
import PodlingClient

struct NodesCommand: AsyncParsableCommand {
    private static let statusColumn = 1

    static let configuration = CommandConfiguration(commandName: "nodes", abstract: "List the nodes.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: FormatOptions

    func run() async throws {
        let link = try connection.link(.leaderOrStandby)
        var objects = JSONObjects(format.output)
        var nodes: [NodeView] = []
        var cursor: String?
        repeat {
            let page = try await link.perform { [cursor] in try await $0.nodesPage(cursor: cursor) }
            cursor = page.cursor
            if format.output == .table {
                nodes += page.nodes
            } else {
                try Console.out(json: objects.text(of: page.nodes.map(\.json)))
            }
        } while cursor != nil
        if format.output == .table {
            let table = TaskText.nodes(nodes, now: Quantities.now())
            try Console.out(
                table.rendered { column, cell in
                    Console.hasColours && column == Self.statusColumn ? TaskText.colour(cell) : nil
                }
            )
        } else {
            try Console.out(json: objects.end())
        }
    }
}
