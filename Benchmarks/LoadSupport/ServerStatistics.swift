import Glibc

/// What the kernel says of the server's process (proc(5)).
public struct ServerStatistics {
    public let processID: Int32

    /// - Parameter processID: 0 looks for who listens on `port`.
    public init(processID: Int32, port: UInt16) throws {
        self.processID = processID != 0 ? processID : try Self.findListener(port)
    }

    /// User and system time of all threads, in seconds.
    public func cpuSeconds() -> Double {
        let stat = Self.contents("/proc/\(processID)/stat")
        // The command's name stands in parentheses and may hold anything: fields are counted after the last one.
        guard let parenthesis = stat.lastIndex(of: ")") else { return 0 }
        let fields = stat[parenthesis...].split(separator: " ")
        guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else { return 0 }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Resident memory, in bytes.
    public func residentBytes() -> Int {
        for line in Self.contents("/proc/\(processID)/status").split(separator: "\n") where line.hasPrefix("VmRSS:") {
            return (Int(line.split { $0 == " " || $0 == "\t" }[1]) ?? 0) * 1_024
        }
        return 0
    }

    /// Whether it still runs after so long, as far as it takes to see that it has ended.
    public func isRunning(withinMilliseconds milliseconds: Int) -> Bool {
        let deadline = nanosecondsNow() + UInt64(milliseconds) * 1_000_000
        while true {
            let stat = Self.contents("/proc/\(processID)/stat")
            guard let parenthesis = stat.lastIndex(of: ")") else { return false }
            // A zombie has ended, and its parent has not asked yet.
            if stat[parenthesis...].dropFirst(2).first == "Z" { return false }
            if nanosecondsNow() >= deadline { return true }
            usleep(10_000)
        }
    }

    /// User and system time of this process, in seconds.
    public static func ownCPUSeconds() -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
        return Double(seconds) + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
    }

    private static func findListener(_ port: UInt16) throws -> Int32 {
        let listening = "0A"
        let suffix =
            ":" + String(repeating: "0", count: 4 - String(port, radix: 16).count)
            + String(port, radix: 16, uppercase: true)
        let rows = (contents("/proc/net/tcp") + contents("/proc/net/tcp6")).split(separator: "\n")
        let inodes = rows.compactMap { row -> String? in
            let fields = row.split(separator: " ")
            guard fields.count > 9, fields[1].hasSuffix(suffix), fields[3] == listening else { return nil }
            return "socket:[\(fields[9])]"
        }
        for process in names("/proc") {
            guard let processID = Int32(process) else { continue }
            for descriptor in names("/proc/\(process)/fd")
            where inodes.contains(link("/proc/\(process)/fd/\(descriptor)")) {
                return processID
            }
        }
        throw LoadFailure("no process found that listens on port \(port): give --server-pid")
    }

    private static func contents(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var all: [UInt8] = []
        while true {
            let chunk = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
                count = max(0, read(descriptor, buffer.baseAddress, 65_536))
            }
            if chunk.isEmpty { return String(decoding: all, as: UTF8.self) }
            all += chunk
        }
    }

    private static func names(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
            )
        }
        return names
    }

    private static func link(_ path: String) -> String {
        let target = [UInt8](unsafeUninitializedCapacity: 256) { buffer, count in
            count = buffer.withMemoryRebound(to: CChar.self) { text in
                text.baseAddress.map { max(0, readlink(path, $0, text.count)) } ?? 0
            }
        }
        return String(decoding: target, as: UTF8.self)
    }
}
