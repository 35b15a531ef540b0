#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The kernel's own record of whom it killed for memory.
///
/// Podman 4.3 with conmon 2.1 loses the out-of-memory event on version 1 cgroups, and then a task that passed its limit
/// cannot be told from one that was killed. The kernel writes one line for each kill, and the limit's cgroup in it
/// carries the container's id. Readable by root, as a rule; where it is not, the engine's word stands.
enum KernelLog {
    static let path = "/dev/kmsg"
    /// One record at most, as the kernel bounds it (`CONSOLE_EXT_LOG_MAX`).
    private static let recordBytesMax = 8_192
    /// More records than the kernel's buffer holds by default; a busy log cannot keep the reader here for ever.
    private static let recordsMax = 65_536

    static func saysOutOfMemory(containerId: String) -> Bool {
        let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        var record = [UInt8](repeating: 0, count: recordBytesMax)
        for _ in 0..<recordsMax {
            let count = read(file, &record, record.count)
            // EPIPE: records went by that were overwritten; reading goes on behind them.
            if count < 0, errno == EPIPE || errno == EINTR { continue }
            guard count > 0 else { return false }
            if isOutOfMemory(String(decoding: record[..<count], as: UTF8.self), containerId: containerId) {
                return true
            }
        }
        return false
    }

    /// `oom-kill:constraint=CONSTRAINT_MEMCG,...,oom_memcg=/libpod_parent/libpod-ID,task_memcg=...` (mm/oom_kill.c).
    static func isOutOfMemory(_ record: String, containerId: String) -> Bool {
        guard record.contains("oom-kill:constraint=CONSTRAINT_MEMCG") else { return false }
        return record.split(separator: ",").contains { $0.hasPrefix("oom_memcg=") && $0.contains(containerId) }
    }
}
