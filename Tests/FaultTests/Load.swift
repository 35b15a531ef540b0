import FoundationEssentials
import Synchronization
import TestSupport
import Testing

/// Clients and workers that continue through all faults of the masters, and the comparison afterwards.
final class Load {
    private static let clientCount = 4
    private static let workerCount = 3
    private static let drainSeconds = 120.0

    let masters: Masters
    let ledger = Ledger()
    private let stopClients = StopFlag()
    private let stopWorkers = StopFlag()
    private let clients: [TestThread]
    private let workers: [TestThread]

    init(_ masters: Masters, seed: UInt64 = UInt64.random(in: 0...UInt64.max)) {
        let (ledger, stopClients, stopWorkers) = (ledger, stopClients, stopWorkers)
        self.masters = masters
        clients = (1...Self.clientCount).map { number in
            TestThread { try LoadClient(number, masters, ledger, stopClients, seed: seed).run() }
        }
        workers = (1...Self.workerCount).map { number in
            TestThread {
                try LoadWorker("n\(number)", masters, ledger, stopWorkers, seed: seed &+ UInt64(number)).run()
            }
        }
    }

    /// How long the full span of a fault is: `PODLING_FAULT_SECONDS`.
    static func seconds(default seconds: Double) -> Double {
        ProcessInfo.processInfo.environment["PODLING_FAULT_SECONDS"].flatMap(Double.init) ?? seconds
    }

    /// Of one test: the longest do their fault for its span, and drain what it left.
    static let minutesMax = 6 + Int(seconds(default: 60) / 30)

    /// Waits for this many further acknowledged submits.
    func awaitProgress(_ count: Int, seconds: Double = 60) throws {
        let wanted = ledger.acknowledgedCount + count
        let done = Deadline.after(seconds: seconds).poll { ledger.acknowledgedCount >= wanted ? true : nil }
        guard done != nil else {
            throw TestSupportError("\(ledger.acknowledgedCount) acknowledged of \(wanted) within \(seconds) s")
        }
    }

    /// Lets all clients and workers finish, and compares.
    /// - Parameter rows: what the table has.
    func finish(_ what: String, rows: () throws -> [Listed]) throws -> Counts {
        stopClients.set()
        for client in clients { try client.join(seconds: Self.drainSeconds) }
        let deadline = Deadline.after(seconds: Self.drainSeconds)
        var live: Int?
        let isDrained = try deadline.poll { () throws -> Bool? in
            live = try Message(masters.ask(#"{"op":"ping","id":1}"#)).live
            return live == 0 ? true : nil
        }
        stopWorkers.set()
        for worker in workers { try worker.join(seconds: 30) }
        let counts = ledger.compare(listed: try masters.list(), rows: try rows())
        print("\(what): \(counts)")
        #expect(isDrained == true, "\(live ?? -1) tasks did not end")
        #expect(counts.faults == 0, "\(counts.words.joined(separator: "; "))")
        #expect(counts.acknowledged > 100)
        return counts
    }
}
