import Glibc

/// Searches the kernel log for out-of-memory kills.
///
/// Podman 4.3 with conmon 2.1 loses the out-of-memory event on version 1 cgroups, and a task that exceeded its limit
/// then looks like one that was killed. The kernel logs one line for each kill, and the limit's cgroup in it carries
/// the container's id. As a rule only root can read it; where it is unreadable, the engine's record stands.
enum KernelLog {
    static let path = "/dev/kmsg"
    /// Size of one record at most, by the kernel's bound (`CONSOLE_EXT_LOG_MAX`).
    private static let recordBytesMax = 8_192
    /// More records than the kernel's buffer holds by default, so that a busy log cannot keep the reader here for ever.
    private static let recordsMax = 65_536

    static func saysOutOfMemory(containerId: String) -> Bool {
        let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        var record = [UInt8](repeating: 0, count: recordBytesMax)
        for _ in 0..<recordsMax {
            let count = read(file, &record, record.count)
            // EPIPE: unread records were overwritten; reading continues after them.
            if count < 0, errno == EPIPE || errno == EINTR { continue }
            guard count > 0 else { return false }
            if isOutOfMemory(String(decoding: record[..<count], as: UTF8.self), containerId: containerId) {
                return true
            }
        }
        return false
    }

    /// Matches `oom-kill:constraint=CONSTRAINT_MEMCG,...,oom_memcg=/libpod_parent/libpod-ID,task_memcg=...`
    /// (mm/oom_kill.c).
    static func isOutOfMemory(_ record: String, containerId: String) -> Bool {
        guard record.contains("oom-kill:constraint=CONSTRAINT_MEMCG") else { return false }
        return record.split(separator: ",").contains { $0.hasPrefix("oom_memcg=") && $0.contains(containerId) }
    }
}
