import FoundationEssentials
import Glibc
import Synchronization

/// A throwaway PostgreSQL of a test's own, on a free loopback port. It is ended by its pid and removed with the object.
public final class PostgresCluster: Sendable {
    /// A shutdown mode (PostgreSQL manual, 19.5).
    public enum StopMode: Int32, Sendable {
        /// As after a loss of power: it recovers at its next start.
        case immediate = 3
        /// In order, with its sessions cut.
        case fast = 2
    }

    public static let isAvailable = programs != nil
    public static let skipMessage = "PostgreSQL's server programs are not installed: scripts/setup.sh test"
    private static let startSeconds = 60.0
    private static let programs = findPrograms()
    /// PostgreSQL refuses to run as root.
    private static let owner = geteuid() == 0 ? "postgres" : nil

    /// Holds the data; removed at the end where the cluster made it.
    public let directory: String
    public let port: UInt16
    private let isOurs: Bool
    private let settings: [String: String]
    private let server = Mutex<ProgramProcess?>(nil)

    /// Makes a cluster and starts it.
    ///
    /// - Parameters:
    ///   - directory: an empty one, such as a small file system; nil makes one.
    ///   - settings: of postgresql.conf.
    public init(directory: String? = nil, settings: [String: String] = [:]) throws {
        (self.directory, isOurs) = try Self.home(directory)
        self.settings = settings
        port = try LineConnection.freePort()
        try run("initdb", ["-D", data, "-U", "podling", "-E", "UTF8", "--locale=C", "--auth=trust", "--no-sync"])
        try start()
    }

    /// A standby that streams from another, as pg_basebackup makes one.
    public init(standbyOf primary: PostgresCluster, settings: [String: String] = [:]) throws {
        (directory, isOurs) = try Self.home(nil)
        self.settings = settings
        port = try LineConnection.freePort()
        let from = ["-h", "127.0.0.1", "-p", "\(primary.port)", "-U", "podling", "-w"]
        try run("pg_basebackup", from + ["-D", data, "-R", "-X", "stream", "-c", "fast", "--no-sync"])
        try start()
    }

    deinit {
        if let running = server.withLock({ $0 }) {
            running.signal(SIGQUIT)
            if running.wait(deadline: .after(seconds: 10)) == nil { running.signal(SIGKILL) }
        }
        if isOurs { try? FileManager.default.removeItem(atPath: directory) }
    }

    private var data: String { directory + "/data" }

    /// The database that initdb makes.
    public var url: String { "postgres://podling@127.0.0.1:\(port)/postgres?sslmode=disable" }

    public func url(port: UInt16) -> String { "postgres://podling@127.0.0.1:\(port)/postgres?sslmode=disable" }

    /// What the server has logged.
    public var log: String { server.withLock { $0 }?.output ?? "" }

    public var processID: pid_t? { server.withLock { $0 }?.processID }

    public var isRunning: Bool { server.withLock { $0 }.map { $0.wait(deadline: .after(seconds: 0)) == nil } ?? false }

    /// Starts it on its port, and returns once it answers.
    public func start() throws {
        var arguments = ["-D", data, "-p", "\(port)", "-c", "listen_addresses=127.0.0.1"]
        arguments += ["-c", "unix_socket_directories="]
        for (name, value) in settings.sorted(by: { $0.key < $1.key }) { arguments += ["-c", "\(name)=\(value)"] }
        let (program, all) = try Self.asOwner("postgres", arguments)
        try? FileManager.default.removeItem(atPath: data + "/postmaster.pid")
        let started = try ProgramProcess(program, all)
        server.withLock { $0 = started }
        let isReady = try Deadline.after(seconds: Self.startSeconds).poll { () throws -> Bool? in
            let file = FileManager.default.contents(atPath: data + "/postmaster.pid") ?? Data()
            let lines = String(decoding: file, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
            // Its first line is the pid, its eighth what the server does.
            if lines.count > 7, lines[0] == "\(started.processID)", ["ready   ", "standby "].contains(lines[7]) {
                return true
            }
            guard started.wait(deadline: .after(seconds: 0)) == nil else {
                throw TestSupportError("PostgreSQL did not start: \(started.output.suffix(2_000))")
            }
            return nil
        }
        guard isReady == true else {
            throw TestSupportError("PostgreSQL was not ready: \(started.output.suffix(2_000))")
        }
    }

    /// Ends the server, and returns once it has ended.
    public func stop(_ mode: StopMode = .immediate) throws {
        guard let running = server.withLock({ $0 }) else { return }
        running.signal(mode.rawValue)
        guard running.wait(deadline: .after(seconds: 30)) != nil else {
            throw TestSupportError("PostgreSQL did not end: \(running.output.suffix(2_000))")
        }
    }

    /// Sends the server's first process a signal, as SIGSTOP.
    public func signal(_ number: Int32) { server.withLock { $0 }?.signal(number) }

    public func promote() throws { try sql("SELECT pg_promote()") }

    /// Runs SQL by psql.
    /// - Parameter port: of what stands before the server.
    /// - Returns: the rows, the columns of each with a tab between them.
    @discardableResult
    public func sql(_ statement: String, port: UInt16? = nil, seconds: Double = 60) throws -> [String] {
        let from = ["-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", statement]
        let program = try ProgramProcess(try Self.path("psql"), from + [url(port: port ?? self.port)])
        guard program.wait(deadline: .after(seconds: seconds)) == .exited(0) else {
            throw TestSupportError("psql: \(program.output)")
        }
        return program.output.split(separator: "\n").map(String.init)
    }

    // MARK: The programs

    private func run(_ name: String, _ arguments: [String]) throws {
        let (program, all) = try Self.asOwner(name, arguments)
        let process = try ProgramProcess(program, all)
        guard process.wait(deadline: .after(seconds: Self.startSeconds)) == .exited(0) else {
            throw TestSupportError("\(name): \(process.output)")
        }
    }

    /// The program that starts one as PostgreSQL's user, without a process between.
    public static func asOwner(path: String, _ arguments: [String]) -> (program: String, arguments: [String]) {
        guard let owner else { return (path, arguments) }
        return ("/usr/bin/setpriv", ["--reuid=\(owner)", "--regid=\(owner)", "--init-groups", path] + arguments)
    }

    private static func asOwner(_ name: String, _ arguments: [String]) throws -> (String, [String]) {
        asOwner(path: try path(name), arguments)
    }

    private static func path(_ name: String) throws -> String {
        guard let programs else { throw TestSupportError(skipMessage) }
        return "\(programs)/\(name)"
    }

    /// Newest first; Debian keeps them off PATH.
    private static func findPrograms() -> String? {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let debian = versions.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }.map { "\(root)/\($0)/bin" }
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return (debian + path.split(separator: ":").map(String.init)).first { access($0 + "/initdb", X_OK) == 0 }
    }

    private static func home(_ given: String?) throws -> (path: String, isOurs: Bool) {
        let path: String
        if let given {
            path = given
        } else {
            var template = Array((FileManager.default.temporaryDirectory.path + "/podling-cluster-XXXXXX").utf8CString)
            guard let made = mkdtemp(&template) else { throw TestSupportError.system("mkdtemp") }
            path = String(cString: made)
        }
        chmod(path, 0o755)
        if let owner, let entry = getpwnam(owner) { chown(path, entry.pointee.pw_uid, entry.pointee.pw_gid) }
        return (path, given == nil)
    }
}
