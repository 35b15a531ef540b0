import ArgumentParser
import PodlingClient
import PodlingProtocol

struct PingCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ping",
        abstract: "Ask whether the master is there, and how it is."
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: FormatOptions

    func run() async throws {
        let (view, address, milliseconds) = try await connection.link(.first).perform { client in
            let start = ContinuousClock.now
            let view = try await client.ping()
            return (view, client.address, (ContinuousClock.now - start) / .milliseconds(1))
        }
        guard format.output == .table else {
            try Console.out(json: view.json + [UInt8(ascii: "\n")])
            return
        }
        let counts = { (pairs: [(name: String, count: Int)]) in
            pairs.map { "\($0.count) \($0.name)" }.joined(separator: ", ")
        }
        var text = """
            \(view.server) at \(address), answered in \((milliseconds * 100).rounded() / 100) ms
            \(view.isStandby ? "stands by: it counts neither nodes nor tasks; ask \(view.leader ?? "the next leader")" : "leads")
            up     \(Quantities.duration(seconds: Int64(view.uptimeSeconds)))
            """
        if !view.isStandby { text += "\nnodes  \(counts(view.nodes))\ntasks  \(counts(view.tasks))" }
        if let seconds = view.storeAwaySeconds { text += "\nstore  away for \(seconds) s: changes wait for it" }
        text += view.storeWarnings.map { "\nstore  \($0)" }.joined()
        for line in text.split(separator: "\n") { try Console.out(TerminalSafeText.escaped(String(line)) + "\n") }
    }
}
