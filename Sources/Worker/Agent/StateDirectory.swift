import FoundationEssentials
import Glibc
import PodlingProtocol

/// The persistent state of a worker, its node id. A lock admits one process at a time.
package final class StateDirectory: Sendable {
    /// An absolute path.
    package let path: String
    /// The locked file descriptor: the lock is held until it is closed, or the process ends in any way (flock(2)).
    private let lock: Int32

    /// Creates the directory where it is missing, and takes its lock.
    ///
    /// - Throws: `StateDirectoryError`.
    package init(_ path: String) throws {
        let path = path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
        self.path = path
        do {
            try FileManager.default.createDirectory(
                atPath: path,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } catch {
            let posix = (error as? CocoaError)?.underlying as? POSIXError
            let why = posix.map { String(cString: strerror($0.code.rawValue)) } ?? "\(error)"
            throw StateDirectoryError("cannot make the state directory \(path): \(why); choose one with --state-dir")
        }
        try Self.checkMode(path)
        lock = open("\(path)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw StateDirectoryError.system("cannot open \(path)/lock") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let isTaken = errno == EWOULDBLOCK
            let error = StateDirectoryError.system("cannot lock \(path)/lock")
            close(lock)
            guard isTaken else { throw error }
            throw StateDirectoryError(
                "another worker uses the state directory \(path); give this one its own with --state-dir"
            )
        }
    }

    deinit {
        // A child process that is just being started shares the descriptor until its program begins.
        flock(lock, LOCK_UN)
        close(lock)
    }

    /// The node id: `given`, or the one of this directory, which the first call generates.
    ///
    /// - Throws: `StateDirectoryError`.
    package func nodeId(given: String?, hostname: String) throws -> String {
        if let given { return try Self.checked(given, "the node id") }
        let file = "\(path)/node-id"
        if let data = FileManager.default.contents(atPath: file) {
            var text = String(decoding: data, as: UTF8.self)
            while text.last?.isNewline == true { text.removeLast() }
            return try Self.checked(text, "the content of \(file)")
        }
        let nodeId = Self.newNodeId(hostname: hostname)
        do {
            // Written to a temporary file and renamed: a crash leaves either no id or a whole one.
            try Data("\(nodeId)\n".utf8).write(to: URL(filePath: file), options: .atomic)
        } catch {
            throw StateDirectoryError("cannot write \(file): \(error)")
        }
        return nodeId
    }

    /// The default directory.
    package static func defaultPath(environment: [String: String], isRoot: Bool) -> String {
        let name = "podling-worker"
        if isRoot { return "/var/lib/\(name)" }
        // A relative path must be ignored (XDG Base Directory Specification).
        if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") { return "\(state)/\(name)" }
        return "\(environment["HOME"] ?? "")/.local/state/\(name)"
    }

    /// The host's name and a random suffix, long enough that hosts of the same name do not collide.
    static func newNodeId(hostname: String) -> String {
        let hostBytesMax = 40
        let allowed = hostname.prefix { $0 != "." && String($0).follows(NameRules.isNodeName) }
        let host = allowed.prefix(hostBytesMax)
        let chance = String(UInt32.random(in: .min ... .max) | 1 << 31, radix: 16)
        return "\(host.isEmpty ? "node" : host)-\(chance)"
    }

    /// Rejects a directory that others can write to: they could turn this worker into another node, or swap its files
    /// while it runs.
    private static func checkMode(_ path: String) throws {
        var facts = stat()
        guard stat(path, &facts) == 0 else { throw StateDirectoryError.system("cannot look at \(path)") }
        guard facts.st_mode & 0o022 == 0 else {
            let mode = "0" + String(facts.st_mode & 0o7777, radix: 8)
            throw StateDirectoryError(
                "the state directory \(path) may be changed by others than its owner (mode \(mode)): chmod 0700 it, or choose "
                    + "another with --state-dir"
            )
        }
    }

    private static func checked(_ nodeId: String, _ name: String) throws -> String {
        guard nodeId.follows(NameRules.isNodeName) else {
            throw StateDirectoryError("\(name) must be 1 to 63 of A-Z a-z 0-9 - _ .")
        }
        return nodeId
    }
}

/// The reason why a worker cannot use its state directory.
package struct StateDirectoryError: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }

    static func system(_ what: String) -> StateDirectoryError {
        StateDirectoryError("\(what): \(String(cString: strerror(errno)))")
    }
}
