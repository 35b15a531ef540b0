import FoundationEssentials
import Glibc

/// The process group of a supervisor, which may outlive it.
extension ProcessAttempt.Supervisor {
    /// Whether a process of the group still runs: SIGKILL reaches each member at a time of its own, and a supervisor
    /// that was killed alone leaves its command running.
    ///
    /// The kernel does not reuse a process group's number while the group has members (POSIX.1-2017, 3.296), so a
    /// leader with another start time means that this group no longer exists.
    var hasGroup: Bool {
        guard kill(-pid, 0) == 0 || errno == EPERM else { return false }
        if let leader = Self.stat(pid), ProcessAttempt.Supervisor(stat: leader) != self { return false }
        // The group may consist of zombies that nobody reaps; those do not run.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.lazy.compactMap { pid_t($0) }.contains { isLivingMember($0) }
    }

    private func isLivingMember(_ member: pid_t) -> Bool {
        guard let fields = Self.stat(member).flatMap(Self.fields) else { return false }
        // proc(5): state is field 3, pgrp field 5, session field 6, starttime field 22.
        guard fields[2] == "\(pid)", fields[3] == "\(pid)", let ticks = UInt64(fields[19]) else { return false }
        return ticks >= startTicks && fields[0] != "Z" && fields[0] != "X"
    }

    private static func stat(_ pid: pid_t) -> String? { ProcessAttempt.line(of: "/proc/\(pid)/stat") }
}
