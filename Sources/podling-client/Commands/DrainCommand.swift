import ArgumentParser
import PodlingClient

struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Place no more tasks on a node; those it has go on."
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: FormatOptions

    @Flag(name: .long, help: "Place tasks there again.")
    var undo = false

    @Argument(help: "The node's id.", completion: Completions.nodes)
    var node: String

    func run() async throws {
        let view = try await connection.link().perform { [node, undo] in
            try await $0.drain(nodeId: node, isOn: !undo)
        }
        if format.output == .table {
            try Console.out(TaskText.nodes([view], now: Quantities.now()).rendered())
        } else {
            try Console.out(json: view.json + [UInt8(ascii: "\n")])
        }
    }
}
