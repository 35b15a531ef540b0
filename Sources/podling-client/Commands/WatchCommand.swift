import ArgumentParser
import PodlingClient

struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Show every step of all tasks, or of one, as it happens.",
        discussion: """
            With --task it ends with the task; of one that ended before, its state is
            shown. The exit status is 0 however the task ended: see wait.
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: FormatOptions

    @Option(name: .long, help: "Only this task.", completion: Completions.tasks)
    var task: String?

    @Option(name: .long, help: "Go on after this place, as the events name it.")
    var cursor: String?

    func run() async throws {
        let link = try connection.link()
        var place = cursor
        var hasShown = false
        while true {
            let events: Subscription<WatchEvent>
            do {
                let begun = try await link.perform { [task, place] in try await $0.watch(taskId: task, cursor: place) }
                events = begun.events
                place = begun.cursor ?? place
            } catch let error as PodlingError where error.code == "cursor_expired" && place != cursor {
                Console.note("steps since the connection was lost are no longer kept; going on from now")
                (place, events) = try await link.perform { [task] in try await $0.watch(taskId: task) }
            }
            do {
                for try await event in events {
                    place = event.cursor ?? place
                    if case .done(let end) = event {
                        if !hasShown { try show(end) }
                        return
                    }
                    try show(event)
                    hasShown = true
                }
            } catch  where MasterLink.mayPass(error) {
                continue
            }
        }
    }

    private func show(_ event: WatchEvent) throws {
        switch event {
        case .gap(let missed, _):
            Console.note("\(missed) steps were left out: this reader was too slow")
        case .task(let transition) where format.output == .table:
            try Console.out(TaskText.transition(transition))
        case .done: break
        case .task(let transition):
            // An endless stream cannot be an array: json is one line for each object, too.
            try Console.out(json: transition.json + [UInt8(ascii: "\n")])
        }
    }

    private func show(_ end: TaskView) throws {
        guard format.output == .table else { return try Console.out(json: end.json + [UInt8(ascii: "\n")]) }
        try Console.out("\(end.taskId) \(TaskText.status(end))\n")
    }
}
