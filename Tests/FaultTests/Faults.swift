import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// Whatever breaks, one after the other: each test has the machine to itself.
///
/// kill -9 leaves what the kernel was given, so none of this proves that a disk has it.
@Suite(
    .serialized,
    .enabled(if: PostgresCluster.isAvailable, "\(PostgresCluster.skipMessage)"),
    .timeLimit(.minutes(Load.minutesMax))
)
enum Faults {
    /// Workers come back at once, and are waited for longer than any fault lasts.
    static let leases = ["--heartbeat", "0.5", "--lease", "60"]

    static func environment(_ url: String) -> [String: String] { ["STORE_TYPE": "postgres", "DATABASE_URL": url] }

    /// What the table has.
    static func rows(_ cluster: PostgresCluster) throws -> [Listed] {
        let sql =
            "SELECT task_id, name, status, attempt FROM tasks UNION ALL "
            + "SELECT task_id, name, status, attempt FROM task_history"
        return try cluster.sql(sql).map { row in
            let columns = row.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard columns.count == 4, let attempt = Int(columns[3]) else { throw TestSupportError("a row: \(row)") }
            return Listed(task: columns[0], name: columns[1], status: columns[2], attempt: attempt)
        }
    }
}

/// One master that is started again and again on the same port.
final class ServedMaster {
    let address: String
    private let arguments: [String]
    private let environment: [String: String]
    private(set) var master: MasterProcess
    private(set) var kills = 0

    init(url: String, _ arguments: [String] = Faults.leases) throws {
        environment = Faults.environment(url)
        address = "127.0.0.1:\(try LineConnection.freePort())"
        self.arguments = arguments + ["--listen", address]
        master = try MasterProcess(self.arguments, environment: environment)
    }

    /// kill -9, and start it at once.
    func kill() throws {
        kills += 1
        master.process.signal(SIGKILL)
        guard master.process.wait(deadline: .after(seconds: 10)) != nil else { throw TestSupportError("it lives") }
        master = try MasterProcess(arguments, environment: environment)
    }

    func signal(_ number: Int32) { master.process.signal(number) }

    /// - Parameter mayHaveLost: whether the database may have come back with less; else it is a false alarm to say so.
    func end(mayHaveLost: Bool = false) {
        #expect(mayHaveLost || !master.process.output.contains("came back with less"))
        #expect(master.terminate() == .exited(0), "\(master.process.output.suffix(2_000))")
    }
}
