import FoundationEssentials
import Glibc
import Synchronization

/// A program that a test started. It is ended by its own pid: by `terminate`, or when the last reference goes.
public final class ProgramProcess: Sendable {
    /// How a program ended.
    public enum Ending: Sendable, Equatable {
        case exited(Int32)
        case signalled(Int32)
    }

    public let processID: pid_t
    /// A fresh directory for this program's files, `output` and `ports` among them; removed with the process.
    public let directory: String
    private let ending = Mutex<Ending?>(nil)

    /// Starts `program` (a full path) with nothing on its standard input; what it prints goes to `output`.
    ///
    /// `$DIR` in an argument stands for `directory`.
    public init(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        let directory = try Self.makeDirectory()
        self.directory = directory
        let full = [program] + arguments.map { $0.replacing("$DIR", with: directory) }
        let merged = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        do {
            processID = try Self.spawn(full, merged.map { "\($0.key)=\($0.value)" }, outputPath: directory + "/output")
        } catch {
            try? FileManager.default.removeItem(atPath: directory)
            throw error
        }
    }

    deinit {
        if wait(deadline: .after(seconds: 0)) == nil {
            kill(processID, SIGKILL)
            _ = wait(deadline: .after(seconds: 5))
        }
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// All that the program has printed until now, on either stream.
    public var output: String {
        let bytes = FileManager.default.contents(atPath: directory + "/output") ?? Data()
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Whether the program prints this soon, or has: its log is written by a thread of its own.
    public func says(_ words: String) -> Bool {
        Deadline.after(seconds: 30).poll { output.contains(words) ? true : nil } ?? false
    }

    public func signal(_ number: Int32) {
        guard ending.withLock({ $0 }) == nil else { return }
        kill(processID, number)
    }

    /// Sends SIGSTOP, and returns when every thread has stopped: until then the others continue (signal(7)).
    public func pause(deadline: Deadline = .after(seconds: 30)) throws {
        signal(SIGSTOP)
        let stopped = try deadline.poll { () throws -> Bool? in
            var information = siginfo_t()
            let options = WSTOPPED | WNOWAIT | WNOHANG
            return waitid(P_PID, id_t(processID), &information, options) == 0 && information.si_signo == SIGCHLD
                ? true : nil
        }
        guard stopped == true else { throw TestSupportError("process \(processID) has not stopped") }
    }

    /// How the program ended, or nil if it has not by the deadline.
    public func wait(deadline: Deadline) -> Ending? {
        deadline.poll {
            ending.withLock { ending in
                if let ending { return ending }
                var status: Int32 = 0
                guard waitpid(processID, &status, WNOHANG) == processID else { return nil }
                let signal = status & 0x7f
                let now = signal == 0 ? Ending.exited((status >> 8) & 0xff) : .signalled(signal)
                ending = now
                return now
            }
        }
    }

    /// SIGTERM, then SIGKILL for what is still there after `graceSeconds`.
    @discardableResult
    public func terminate(graceSeconds: Double = 10) -> Ending? {
        signal(SIGTERM)
        if let ending = wait(deadline: .after(seconds: graceSeconds)) { return ending }
        signal(SIGKILL)
        return wait(deadline: .after(seconds: 5))
    }

    /// The value of `key` in the file of `key=value` lines that the program writes once it is ready.
    public func readyValue(_ key: String, file: String = "ports", seconds: Double = 30) throws -> String {
        let path = directory + "/" + file
        let found = try Deadline.after(seconds: seconds).poll { () throws -> String? in
            if let value = Self.value(of: key, inFile: path) { return value }
            guard let ending = wait(deadline: .after(seconds: 0)) else { return nil }
            throw TestSupportError("program ended before it was ready, \(ending): \(output)")
        }
        guard let found else { throw TestSupportError("no \(key) in \(path) after \(seconds) s: \(output)") }
        return found
    }

    private static func value(of key: String, inFile path: String) -> String? {
        guard let bytes = FileManager.default.contents(atPath: path) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        // The last piece has no line end yet: it may be half written.
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        where line.hasPrefix(key + "=") {
            return String(line.dropFirst(key.count + 1))
        }
        return nil
    }

    private static func makeDirectory() throws -> String {
        var template = Array((FileManager.default.temporaryDirectory.path + "/podling-test-XXXXXX").utf8CString)
        guard let made = mkdtemp(&template) else { throw TestSupportError.system("mkdtemp") }
        return String(cString: made)
    }

    private static func spawn(_ arguments: [String], _ environment: [String], outputPath: String) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, outputPath, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // A Dispatch thread blocks signals, and a program inherits that: SIGTERM would never reach it.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigaddset(&signals, SIGTERM)
        sigaddset(&signals, SIGINT)
        sigaddset(&signals, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var processID: pid_t = 0
        let code = withCStrings(arguments) { argv in
            withCStrings(environment) { envp in
                posix_spawn(&processID, arguments[0], &actions, &attributes, argv, envp)
            }
        }
        guard code == 0 else { throw TestSupportError.system("start \(arguments[0])", code) }
        return processID
    }

    private static func withCStrings<Result>(
        _ strings: [String],
        _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }
}
