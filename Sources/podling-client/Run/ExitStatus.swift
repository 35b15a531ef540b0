import PodlingClient

/// The exit statuses of the program.
enum ExitStatus {
    static let failure: Int32 = 1
    static let timedOut: Int32 = 124
    static let infrastructure: Int32 = 125
    static let cancelled: Int32 = 130
    static let killed: Int32 = 137
    static let brokenPipe: Int32 = 141

    static let table = """
          0     the task completed; for other commands: done
          1-255 run, wait: the task's own exit code
          1     another command was refused by the master
          64    the command line is wrong
          124   run, wait: the task ran longer than its timeout
          125   the master cannot be reached; run, wait: the task could not be run
                (image pull, start, rejected, node lost)
          130   run, wait: the task was cancelled
          137   run, wait: the task was killed for memory
          141   nobody reads the output any more
        """

    /// The status of `run` and `wait` for a terminal task.
    static func of(_ task: TaskView) -> Int32 {
        of(status: task.status, reason: task.reason, exitCode: task.exitCode)
    }

    static func of(status: String, reason: String?, exitCode: Int?) -> Int32 {
        switch (status, reason) {
        case ("completed", _): return own(exitCode) ?? 0
        case ("cancelled", _): return cancelled
        case (_, "timed_out"): return timedOut
        case (_, "oom_killed"): return own(exitCode) ?? killed
        case (_, "exit_code"), (_, nil): return own(exitCode) ?? failure
        default: return infrastructure
        }
    }

    /// A non-zero exit code as a process's own byte; one that does not fit is 255.
    private static func own(_ exitCode: Int?) -> Int32? {
        guard let exitCode, exitCode != 0 else { return nil }
        return (1...255).contains(exitCode) ? Int32(exitCode) : 255
    }
}
