import PodlingCore
import PodlingProtocol
import PodlingStore

/// A master's part in the election of the leader: takes and renews the lease, or waits for it.
final class Candidate {
    private static let leaseMilliseconds: Int64 = 3_000
    private static let pollMicroseconds: ClosedRange<Int64> = 200_000...300_000

    private let process: Process
    private let database: Database
    private let holder: Int
    private let address: String
    private let tell: (StoreLeadership, _ epoch: Int) -> Void
    private var epoch: Int?
    private var backoff = Backoff(milliseconds: 100...1_000)
    /// Microseconds since when the database answers again after a silence; `silent` while it does not.
    private var isSilent = false
    private var answersSince: Int64?
    private(set) var lastAnswer: Int64 = 0

    init(
        _ process: Process,
        _ database: Database,
        holder: Int,
        address: String,
        tell: @escaping (StoreLeadership, _ epoch: Int) -> Void
    ) {
        self.process = process
        self.database = database
        self.holder = holder
        self.address = address
        self.tell = tell
    }

    func begin() { process.after(1_000) { [self] in step() } }

    private var isReachable: Bool {
        !database.isAway && process.world.cluster.network.isReachable(process.host, database.host)
    }

    private func step() {
        guard isReachable else {
            (isSilent, answersSince) = (true, nil)
            return process.after(backoff.nextMilliseconds(jitter: process.random.fraction()) * 1_000) { [self] in step()
            }
        }
        process.after(min(database.latency(), 1_000_000)) { [self] in
            guard isReachable else { return step() }
            answered()
        }
    }

    private func answered() {
        backoff.reset()
        if isSilent, answersSince == nil { answersSince = process.world.now }
        lastAnswer = process.world.now
        guard let epoch else { return stand() }
        guard database.isHeld(epoch: epoch, holder: holder) else { return tell(.lost, epoch) }
        database.leader.expiresAt = process.world.now + Self.leaseMilliseconds * 1_000
        process.after(Self.leaseMilliseconds * 1_000 / 3) { [self] in step() }
    }

    private func stand() {
        let leader = database.leader
        let isExpired = leader.expiresAt < process.world.now
        if isExpired, mayFollow || leader.holder == nil {
            let new = database.takeLead(holder: holder, address: address, milliseconds: Self.leaseMilliseconds)
            epoch = new
            tell(.leading, new)
            return process.after(Self.leaseMilliseconds * 1_000 / 3) { [self] in step() }
        }
        tell(.standby(leader: isExpired ? nil : leader.address), 0)
        process.after(process.random.inside(Self.pollMicroseconds)) { [self] in step() }
    }

    /// A lease that expired while the database was away proves nothing about its leader.
    private var mayFollow: Bool {
        guard isSilent else { return true }
        guard let answersSince, process.world.now - answersSince >= Self.leaseMilliseconds * 1_000 else { return false }
        isSilent = false
        return true
    }

    /// Gives up the lead, at the end of a master that was asked to end.
    func release() {
        guard let epoch, isReachable, database.isHeld(epoch: epoch, holder: holder) else { return }
        database.leader.expiresAt = process.world.now - 1
    }
}
