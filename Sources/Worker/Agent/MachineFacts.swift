import FoundationEssentials
import Glibc

/// The resources of this machine, as far as this process may use them.
package struct MachineFacts: Sendable, Equatable {
    package var hostname: String
    /// Thousandths of a core.
    package var cpuMillis: Int
    package var memoryBytes: Int

    package init(hostname: String, cpuMillis: Int, memoryBytes: Int) {
        self.hostname = hostname
        self.cpuMillis = cpuMillis
        self.memoryBytes = memoryBytes
    }

    /// Reads the kernel's values: the cores this process may run on and the memory, both capped by its control group.
    package static func read() -> MachineFacts {
        let group = ControlGroup.read()
        let cores = coreCount() * 1_000
        let memory = memoryTotal()
        return MachineFacts(
            hostname: hostName(),
            cpuMillis: max(1, min(cores, group.cpuMillis ?? cores)),
            memoryBytes: max(0, min(memory, group.memoryBytes ?? memory))
        )
    }

    private static func hostName() -> String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func coreCount() -> Int {
        // The CPU affinity of sched_getaffinity(2), which Swift does not see without _GNU_SOURCE; see proc(5).
        let name = "Cpus_allowed_list:"
        let line = ControlGroup.text("/proc/self/status")?.split(separator: "\n").first { $0.hasPrefix(name) }
        if let count = line.flatMap({ listCount($0.dropFirst(name.count)) }) { return count }
        return max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }

    /// Counts the numbers in a list such as `0-2,5`; nil if it is not one.
    static func listCount(_ list: Substring) -> Int? {
        var count = 0
        for part in list.split(separator: ",") {
            let ends = part.split(separator: "-").map { Int($0.drop { $0.isWhitespace }) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, (0...65_535).contains(first),
                last >= first,
                last <= 65_535
            else { return nil }
            count += last - first + 1
        }
        return count > 0 ? count : nil
    }

    private static func memoryTotal() -> Int {
        let pages = sysconf(Int32(_SC_PHYS_PAGES))
        let pageBytes = sysconf(Int32(_SC_PAGESIZE))
        guard pages > 0, pageBytes > 0 else { return 0 }
        return pages * pageBytes
    }
}

/// The resource limits of this process's control group (cgroups(7)).
struct ControlGroup: Equatable {
    var cpuMillis: Int?
    var memoryBytes: Int?

    static func read() -> ControlGroup {
        let unified = "/sys/fs/cgroup"
        var group = ControlGroup()
        // In a container the root of the mount is the container's group; on a host this process's group has its path
        // there.
        for folder in folders(of: text("/proc/self/cgroup") ?? "") {
            group.lower(cpu: text("\(unified)\(folder)/cpu.max").flatMap(cpuMillis(max:)))
            group.lower(memory: text("\(unified)\(folder)/memory.max").flatMap { Int($0) })
        }
        if let quota = text("\(unified)/cpu/cpu.cfs_quota_us"), let period = text("\(unified)/cpu/cpu.cfs_period_us") {
            group.lower(cpu: cpuMillis(max: "\(quota) \(period)"))
        }
        group.lower(memory: text("\(unified)/memory/memory.limit_in_bytes").flatMap { Int($0) })
        return group
    }

    /// The folders of version 2 from the root to this process's own: each of them limits.
    static func folders(of procSelfCgroup: String) -> [String] {
        var folders = [""]
        guard let line = procSelfCgroup.split(separator: "\n").first(where: { $0.hasPrefix("0::/") }) else {
            return folders
        }
        for name in line.dropFirst(3).split(separator: "/") where name != ".." {
            folders.append("\(folders[folders.count - 1])/\(name)")
        }
        return folders
    }

    /// Parses `QUOTA PERIOD` in microseconds; `max` or a negative quota is no limit.
    static func cpuMillis(max text: String) -> Int? {
        let parts = text.split(separator: " ").map { Int($0) }
        guard parts.count == 2, let quota = parts[0], let period = parts[1], quota > 0, period > 0 else { return nil }
        let (product, isOver) = quota.multipliedReportingOverflow(by: 1_000)
        return isOver ? nil : Swift.max(1, product / period)
    }

    private mutating func lower(cpu: Int? = nil, memory: Int? = nil) {
        if let cpu { cpuMillis = min(cpu, cpuMillis ?? cpu) }
        if let memory, memory > 0 { memoryBytes = min(memory, memoryBytes ?? memory) }
    }

    static func text(_ path: String) -> String? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        var text = String(decoding: data, as: UTF8.self)
        while text.last?.isNewline == true { text.removeLast() }
        return text
    }
}
