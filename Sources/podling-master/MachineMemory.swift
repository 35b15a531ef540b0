import FoundationEssentials
import Glibc

/// The memory that this process may use, from sysconf(3) and, in a container, from its control group (cgroups(7)).
enum MachineMemory {
    private static let groupFiles = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]

    /// nil where the system does not report it.
    static var bytes: Int? {
        let pageBytes = sysconf(Int32(_SC_PAGESIZE))
        let (machine, overflows) = sysconf(Int32(_SC_PHYS_PAGES)).multipliedReportingOverflow(by: pageBytes)
        let group = groupFiles.compactMap { path in
            (try? String(contentsOfFile: path, encoding: .utf8)).flatMap { Int($0.prefix { $0.isNumber }) }
        }
        return (group + (overflows ? [] : [machine])).filter { $0 > 0 }.min()
    }
}
