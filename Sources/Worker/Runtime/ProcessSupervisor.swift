import FoundationEssentials
import Glibc
import PodlingAgent

/// Starts a task's command under a shell that outlives the worker and records the exit code in a file.
enum ProcessSupervisor {
    /// Arguments: the attempt's directory, the working directory (may be empty), then the command.
    ///
    /// Its variables have names that no task's environment should hold, since it would change them. The trap keeps the
    /// shell alive through a SIGTERM for the group; a handler, unlike `''`, is not inherited. The last line kills what
    /// the command left behind in its group, the shell included.
    private static let script = """
        trap : HUP INT TERM
        podling_directory=$1
        podling_cwd=$2
        shift 2
        read -r podling_stat </proc/$$/stat
        printf '%s\\n' "$podling_stat" >"$podling_directory/\(ProcessAttempt.processFile)"
        if cd -- "${podling_cwd:-.}"; then "$@"; else (exit 126); fi
        printf '%s\\n' "$?" >"$podling_directory/\(ProcessAttempt.exitFile)"
        kill -KILL 0
        """

    /// Returns the shell's process id, which is also its process group's and its session's.
    static func spawn(_ order: ProcessAttempt.Order, in directory: String) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let appending = O_WRONLY | O_CREAT | O_APPEND
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, directory + "/stdout", appending, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, directory + "/stderr", appending, 0o600)
        for descriptor in openDescriptors() { posix_spawn_file_actions_addclose(&actions, descriptor) }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        // A new session: no signal for the worker's terminal or group reaches the task.
        let sessionFlag: Int32 = 0x80
        posix_spawnattr_setflags(
            &attributes,
            Int16(Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF) | sessionFlag)
        )

        var pid: pid_t = 0
        let argv = ["/bin/sh", "-c", script, "podling-task", directory, order.workingDir ?? ""] + order.argv
        let failure = withCStrings(argv) { argv in
            withCStrings(order.env) { env in
                posix_spawn(&pid, "/bin/sh", &actions, &attributes, argv, env)
            }
        }
        guard failure == 0 else {
            throw RuntimeError(.invalidSpec, "the command cannot be run: \(String(cString: strerror(failure)))")
        }
        return pid
    }

    /// Descriptors that a task must not inherit. Most are close-on-exec already; closing one twice does no harm.
    private static func openDescriptors() -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return names.compactMap { Int32($0) }.filter { $0 > STDERR_FILENO }
    }

    private static func withCStrings<Value>(
        _ texts: [String],
        _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Value
    ) -> Value {
        var pointers: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        return pointers.withUnsafeMutableBufferPointer { buffer in
            // There is always the final nil, so the buffer has an address.
            buffer.baseAddress.map(body) ?? body(UnsafeMutablePointer.allocate(capacity: 1))
        }
    }
}
