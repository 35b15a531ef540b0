import FoundationEssentials
import Glibc

/// PgBouncer in transaction mode in front of a cluster: sessions are lent for a transaction. Ended by its pid with the
/// object.
public final class PgBouncer: Sendable {
    public static let isAvailable = access(program, X_OK) == 0
    public static let skipMessage = "PgBouncer is not installed: scripts/setup.sh test"
    private static let program = "/usr/sbin/pgbouncer"

    public let port: UInt16
    private let process: ProgramProcess

    /// - Parameter settings: lines of its section [pgbouncer], in addition to the necessary ones.
    public init(to cluster: PostgresCluster, settings: [String]) throws {
        port = try LineConnection.freePort()
        let folder = FileManager.default.temporaryDirectory.path + "/podling-pgbouncer-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        chmod(folder, 0o755)
        let lines = [
            "[databases]", "* = host=127.0.0.1 port=\(cluster.port)", "[pgbouncer]", "listen_addr = 127.0.0.1",
            "listen_port = \(port)", "unix_socket_dir =", "auth_type = trust", "auth_file = \(folder)/users",
            "pool_mode = transaction", "default_pool_size = 3",
        ]
        for (name, text) in [("ini", (lines + settings).joined(separator: "\n")), ("users", "\"podling\" \"\"\n")] {
            try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)"))
            chmod("\(folder)/\(name)", 0o644)
        }
        // It refuses to run as root.
        let (program, arguments) = PostgresCluster.asOwner(path: Self.program, ["\(folder)/ini"])
        process = try ProgramProcess(program, arguments)
        let (process, port) = (process, port)
        let isReady = try Deadline.after(seconds: 20).poll { () throws -> Bool? in
            if (try? LineConnection(host: "127.0.0.1", port: port)) != nil { return true }
            guard process.wait(deadline: .after(seconds: 0)) == nil else {
                throw TestSupportError("PgBouncer did not start: \(process.output)")
            }
            return nil
        }
        guard isReady == true else { throw TestSupportError("PgBouncer was not ready: \(process.output)") }
    }

    deinit { process.terminate() }
}
