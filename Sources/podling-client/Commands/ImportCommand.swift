import ArgumentParser
import PodlingClient

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Take tasks of another store: what export wrote, or the array of the HTTP interface.",
        discussion: """
            Tasks keep their ids, states, times, attempts, reasons and exit codes. Nothing
            here is overwritten: a task that is here already is counted, and one of the
            same id with other content is a conflict, told and left as it is. So an import
            that was interrupted can be run again.

            A file is checked to its end, with its count and checksum, before the first
            task is taken; standard input is checked as it comes, and a cut or a damage is
            found at its end.

                podling-client export > tasks.ndjson
                podling-client import --dry-run tasks.ndjson
                podling-client import --master new-master tasks.ndjson
                curl http://old-master:8070/api/v1/tasks | podling-client import -

            End the old master once the export is made: a task that waits is run here, and
            one that a node had waits for that node for two leases, and then runs again
            under its next attempt.

            Exit status: 0 all is here; 1 a conflict, or the file is not as it should be;
            125 the master cannot be reached; 130 interrupted.
            """
    )

    @OptionGroup var connection: ConnectionOptions

    @Flag(name: .long, help: "Check the file and take nothing; no master is asked.")
    var dryRun = false

    @Flag(name: .long, help: "Leave out tasks that break a rule, each told with its line, and take the others.")
    var skipInvalid = false

    @Flag(name: .long, help: "Take lines without a trailer: of a file that was cut short, or made by other means.")
    var noTrailer = false

    @Argument(help: "The file, or - for standard input.", completion: .file())
    var file: String

    func run() async throws {
        if dryRun {
            let count = try importer(try TaskFile(file)).check()
            try Console.out("\(count) tasks, and the file is whole\n")
            return
        }
        let link = try connection.link()
        let toCheck = try TaskFile(file)
        if toCheck.isRegular {
            _ = try importer(toCheck).check()
            try toCheck.putBack()
        }
        let counts = try await Interruptible.run { [file, skipInvalid, noTrailer] in
            var importer = Importer(file: try TaskFile(file), skipsInvalid: skipInvalid, needsTrailer: !noTrailer)
            do {
                try await importer.take(link)
            } catch {
                throw Self.stopped(error, importer.counts)
            }
            return importer.counts
        }
        try Console.out(Self.summary(counts))
        if counts.conflicts > 0 { throw ExitCode(ExitStatus.failure) }
    }

    private func importer(_ file: TaskFile) -> Importer {
        Importer(file: file, skipsInvalid: skipInvalid, needsTrailer: !noTrailer)
    }

    private static func summary(_ counts: Importer.Counts) -> String {
        let skipped = counts.skipped > 0 ? ", \(counts.skipped) left out" : ""
        return
            "\(counts.imported) imported, \(counts.existing) already here, \(counts.conflicts) in conflict\(skipped)\n"
    }

    /// Adds to a failure how far the import came.
    private static func stopped(_ error: any Error, _ counts: Importer.Counts) -> any Error {
        let taken =
            counts.lastLine == 0
            ? "nothing was taken"
            : "the tasks up to line \(counts.lastLine) were taken: \(summary(counts).dropLast())"
        if error is CancellationError {
            let message = "interrupted; \(taken); run the same import again to go on"
            return Failure(message: message, exitStatus: ExitStatus.cancelled)
        }
        guard let report = FailureReport(error) else { return error }
        return Failure(message: "\(report.line); \(taken)", exitStatus: report.exitStatus)
    }
}
