import Glibc
import Synchronization

/// Identifies one run of a master uniquely, so that another on the same machine can verify that it is dead.
///
/// The parts are the kernel's boot, the process namespace, the process, the tick at which it started (proc(5)), and a
/// number within the process.
struct LeaderLeaseHolder: Sendable, Equatable {
    private static let made = Atomic<Int>(0)

    private let boot: String
    private let namespace: String
    private let process: Int
    private let startTicks: String
    private let number: Int

    /// A new identity for this process.
    static func this() -> LeaderLeaseHolder {
        let process = Int(getpid())
        return LeaderLeaseHolder(
            boot: contents("/proc/sys/kernel/random/boot_id").filter { $0.isHexDigit || $0 == "-" },
            namespace: link("/proc/self/ns/pid"),
            process: process,
            startTicks: running(process) ?? "",
            number: made.add(1, ordering: .relaxed).newValue
        )
    }

    private init(boot: String, namespace: String, process: Int, startTicks: String, number: Int) {
        self.boot = boot
        self.namespace = namespace
        self.process = process
        self.startTicks = startTicks
        self.number = number
    }

    init?(_ text: String) {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 5, let process = Int(parts[2]), let number = Int(parts[4]) else { return nil }
        self.init(
            boot: String(parts[0]),
            namespace: String(parts[1]),
            process: process,
            startTicks: String(parts[3]),
            number: number
        )
    }

    var text: String { "\(boot) \(namespace) \(process) \(startTicks) \(number)" }

    /// Whether it ran in the same environment as `other`, and is dead. False also means "not known".
    func isDead(seenBy other: LeaderLeaseHolder) -> Bool {
        guard !boot.isEmpty, !namespace.isEmpty, !startTicks.isEmpty, boot == other.boot, namespace == other.namespace
        else { return false }
        return Self.running(process) != startTicks
    }

    /// The process's start time in ticks since the boot; nil where there is no process, or only a zombie.
    private static func running(_ process: Int) -> String? {
        let stat = contents("/proc/\(process)/stat")
        // The name, in brackets, may hold any character.
        guard let bracket = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[bracket...].split(separator: " ")
        guard fields.count > 20, !["Z", "X", "x"].contains(fields[1]) else { return nil }
        return String(fields[20])
    }

    private static func contents(_ path: String) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        return withUnsafeTemporaryAllocation(byteCount: 4_096, alignment: 1) { buffer in
            let count = read(file, buffer.baseAddress, buffer.count)
            return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : ""
        }
    }

    private static func link(_ path: String) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard let start = buffer.baseAddress else { return "" }
            let count = readlink(path, start, buffer.count)
            guard count > 0 else { return "" }
            return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}
