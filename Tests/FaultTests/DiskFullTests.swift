import FoundationEssentials
import Glibc
import TestSupport
import Testing

extension Faults {
    /// A cluster on a small file system of its own.
    @Suite(.enabled(if: SmallDisk.isAvailable, "this user may not mount a tmpfs")) struct DiskFullTests {
        @Test func aFullDiskHoldsWritesUpAndLosesNothing() async throws {
            try await onThread {
                let disk = try SmallDisk(megabytes: 180)
                defer { disk.remove() }
                let settings = ["max_wal_size": "64MB", "min_wal_size": "32MB", "restart_after_crash": "on"]
                let cluster = try PostgresCluster(directory: disk.path, settings: settings)
                defer { try? cluster.stop(.immediate) }
                let master = try ServedMaster(url: cluster.url)
                let load = Load(Masters([master.address]))
                try load.awaitProgress(100)
                disk.fill()
                // Nothing is acknowledged for which the disk has no space.
                var acknowledged = -1
                let isHeld = Deadline.after(seconds: 60).poll { () -> Bool? in
                    disk.fill()
                    let before = load.ledger.acknowledgedCount
                    Deadline.after(seconds: 2).elapse()
                    acknowledged = load.ledger.acknowledgedCount
                    return acknowledged == before ? true : nil
                }
                #expect(isHeld == true, "the disk was never full")
                let rows = (try? Faults.rows(cluster).count) ?? -1
                print("disk full: acknowledged=\(acknowledged) rows=\(rows)")
                disk.free()
                // A server that could not even write its log has ended.
                if !cluster.isRunning { try cluster.start() }
                try load.awaitProgress(100, seconds: 90)
                _ = try load.finish("PostgreSQL's disk full") { try Faults.rows(cluster) }
                master.end()
            }
        }
    }
}

/// A tmpfs, and a file that fills it.
struct SmallDisk {
    let path: String
    private var ballast: String { path + "/ballast" }

    static let isAvailable: Bool = {
        guard let disk = try? SmallDisk(megabytes: 1) else { return false }
        disk.remove()
        return true
    }()

    init(megabytes: Int) throws {
        path = FileManager.default.temporaryDirectory.path + "/podling-disk-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(megabytes)m") == 0 else {
            rmdir(path)
            throw TestSupportError("mount: \(String(cString: strerror(errno)))")
        }
    }

    /// Takes all that is left.
    func fill() {
        let file = open(ballast, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { return }
        defer { close(file) }
        for size in [1 << 20, 1 << 12] {
            let block = [UInt8](repeating: 0, count: size)
            while write(file, block, size) == size {}
        }
    }

    func free() { unlink(ballast) }

    func remove() {
        _ = umount2(path, Int32(MNT_DETACH))
        rmdir(path)
    }
}
