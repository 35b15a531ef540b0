import ArgumentParser
import PodlingLogging
import PodlingPostgres

/// Manual schema migration, where a service account may not alter tables.
struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Bring the tables in PostgreSQL up to date, and end.",
        discussion: """
            A master does this itself at start. Where its database user may not alter tables, run this as their owner
            before each new version, and the masters with --no-migrate:

              export STORE_TYPE=postgres DATABASE_URL=postgres://OWNER:PASSWORD@HOST:5432/DATABASE
              podling-master migrate --dry-run
              podling-master migrate

            It also makes the partitions of history for the next 12 months. Masters may run meanwhile.

            Exit codes: 0, done or nothing to do; 64, no database is named; 69, it is not reached; 77, this user may not;
            78, something is set up wrongly, or the tables are of a newer version.
            """
    )

    @Flag(name: .long, help: "Print the SQL that would be run, and change nothing.")
    var dryRun = false

    func run() async throws {
        guard let url = try MasterOptions.databaseURL() else {
            throw ValidationError("migrate needs STORE_TYPE=postgres and DATABASE_URL: tasks in memory have no tables.")
        }
        do {
            try await MigrationByHand.run(url: url, isDryRun: dryRun) { print($0) }
        } catch let error as PGError {
            StandardError.write(Array("podling-master: PostgreSQL: \(error)\n".utf8))
            throw ExitCode(error.exitCode)
        }
    }
}
