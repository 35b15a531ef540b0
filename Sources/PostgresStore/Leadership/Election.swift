import Logging
import NIOConcurrencyHelpers
import NIOPosix
import PodlingProtocol
import PodlingStore

/// Leader election by a lease among the masters of one database: takes and renews the lead, or waits for it.
///
/// It has a thread and a connection of its own, so that no long transaction delays the renewal of the lease. A master
/// that cannot reach the database continues as the leader: it can make nothing durable meanwhile, and learns at its
/// next renewal whether another took over.
final class Election: Sendable {
    enum News: Sendable {
        case leading(epoch: Int, holder: String)
        case standby(leader: String?)
        case lost
    }

    private struct Wishes {
        var address: String?
        /// Whether it is a candidate: false until this master can be reached.
        var isStanding: Bool
        var isClosing = false
    }

    private static let pollMilliseconds = 200...300
    /// Upper bound of the renewal interval, however long the lease is: an unreachable database is noticed by then.
    private static let renewMillisecondsMax = 5_000
    private static let statementMilliseconds = 1_000

    private let url: String
    private let name: String
    private let leaseMilliseconds: Int
    private let mayMigrate: Bool
    private let health: DatabaseHealth
    private let logger: Logger
    private let holder = LeaderLeaseHolder.this()
    let contact = DatabaseContact()
    private let wishes: NIOLockedValueBox<Wishes>
    private let wake = ConditionLock(value: false)
    private let pool = NIOThreadPool(numberOfThreads: 1)

    /// - Parameter standsAtOnce: else it becomes a candidate at the first `advertise`.
    init(
        url: String,
        name: String,
        address: String?,
        standsAtOnce: Bool,
        leaseMilliseconds: Int,
        mayMigrate: Bool,
        health: DatabaseHealth? = nil,
        logger: Logger
    ) {
        self.health = health ?? DatabaseHealth(logger: logger)
        self.url = url
        self.name = name
        self.leaseMilliseconds = leaseMilliseconds
        self.mayMigrate = mayMigrate
        self.logger = logger
        wishes = NIOLockedValueBox(Wishes(address: address, isStanding: standsAtOnce))
    }

    /// Migrates or checks the schema, takes the lead once this master is a candidate and the lead is free, and renews
    /// it until `close`; `tell` is called on the election's thread.
    ///
    /// - Throws: `PGError` where the database cannot be used at all.
    func start(tell: @escaping @Sendable (News) -> Void) async throws {
        pool.start()
        do {
            try await pool.runIfActive { _ = try self.connected(isFirst: true) }
        } catch {
            try await pool.shutdownGracefully()
            throw error
        }
        pool.submit { _ in self.run(tell) }
    }

    /// Sets the address that a standby returns for this master, and makes it a candidate.
    func advertise(_ address: String) {
        wishes.withLockedValue { ($0.address, $0.isStanding) = (address, true) }
        poke()
    }

    /// Releases the lease.
    func close() async {
        wishes.withLockedValue { $0.isClosing = true }
        poke()
        try? await pool.shutdownGracefully()
    }

    // MARK: On the election's thread

    private func run(_ tell: (News) -> Void) {
        var connection: PGConnection?
        var epoch: Int?
        var silence = Silence()
        var backoff = Backoff(milliseconds: 100...1_000)
        while true {
            let wishes = wishes.withLockedValue { $0 }
            if wishes.isClosing { break }
            guard wishes.isStanding else {
                pause(milliseconds: Int.random(in: Self.pollMilliseconds))
                continue
            }
            let address = wishes.address
            contact.asked()
            do throws(PGError) {
                let usable = try usable(&connection)
                if let epoch {
                    guard let settings = try renew(usable, epoch, address, leaseMilliseconds) else {
                        sayWhatIsLost(usable, epoch)
                        return tell(.lost)
                    }
                    health.take(settings)
                } else {
                    epoch = try stand(usable, address, mayFollow: silence.isOver(leaseMilliseconds), tell)
                    if let epoch, let settings = try renew(usable, epoch, address, leaseMilliseconds) {
                        health.take(settings)
                    }
                }
                backoff.reset()
                contact.answered()
                silence.answered()
                let renewMilliseconds = min(leaseMilliseconds / 3, Self.renewMillisecondsMax)
                pause(milliseconds: epoch == nil ? Int.random(in: Self.pollMilliseconds) : renewMilliseconds)
            } catch {
                if error.isConnectionLost || error.sqlState != "57014" { connection = nil }
                silence.began()
                logger.warning("PostgreSQL: the lease", metadata: ["error": "\(error)"])
                pause(milliseconds: Int(backoff.nextMilliseconds(jitter: .random(in: 0..<1))))
            }
        }
        guard let epoch, let usable = try? usable(&connection) else { return }
        _ = try? renew(usable, epoch, nil, 0)
    }

    private func usable(_ connection: inout PGConnection?) throws(PGError) -> PGConnection {
        if let connection { return connection }
        let made = try connected(isFirst: false)
        connection = made
        return made
    }

    private func connected(isFirst: Bool) throws(PGError) -> PGConnection {
        if isFirst {
            let migration = try Migration(url: url)
            if mayMigrate { try migration.run { pause(milliseconds: 200) } } else { try migration.require() }
        }
        let connection = try PGConnection(url, statementMilliseconds: Self.statementMilliseconds)
        if isFirst, try connection.execute("SHOW transaction_read_only").text(0, 0) == "on" {
            throw PGError(sqlState: "25006", message: "the server is read-only")
        }
        return connection
    }

    private func renew(
        _ connection: PGConnection,
        _ epoch: Int,
        _ address: String?,
        _ milliseconds: Int
    ) throws(PGError) -> DurabilitySettings? {
        try LeaderRow.renew(
            connection,
            epoch: epoch,
            address: address,
            holder: holder,
            leaseMilliseconds: milliseconds
        )
    }

    /// The row may date from before this master led: a server that came back with less.
    private func sayWhatIsLost(_ connection: PGConnection, _ epoch: Int) {
        guard let row = try? LeaderRow.read(connection), row.epoch <= epoch else { return }
        logger.error(
            "PostgreSQL: the database came back as it was before this master led: what it acknowledged since is lost",
            metadata: ["epoch": "\(epoch)", "epochThere": "\(row.epoch)"]
        )
    }

    /// Takes the lead if it is free.
    /// - Parameter mayFollow: whether an expired lease may be taken over.
    /// - Returns: the new epoch.
    private func stand(
        _ connection: PGConnection,
        _ address: String?,
        mayFollow: Bool,
        _ tell: (News) -> Void
    ) throws(PGError) -> Int? {
        var row = try LeaderRow.read(connection)
        // A success whose answer was lost.
        if row.holder == holder {
            tell(.leading(epoch: row.epoch, holder: holder.text))
            return row.epoch
        }
        let isDead = row.holder?.isDead(seenBy: holder) == true
        if (row.isExpired && (mayFollow || row.holder == nil)) || isDead {
            let epoch = try row.takeOver(
                connection,
                name: name,
                address: address,
                holder: holder,
                leaseMilliseconds: leaseMilliseconds,
                evenUnexpired: isDead
            )
            if let epoch {
                tell(.leading(epoch: epoch, holder: holder.text))
                return epoch
            }
            row = try LeaderRow.read(connection)
        }
        tell(.standby(leader: row.isExpired ? nil : row.address))
        return nil
    }

    /// A lease that expired while the database was unreachable proves nothing about its leader, which holds what the
    /// database may have lost: that one has the length of a lease to return first.
    private struct Silence {
        private var isSilent = false
        private var endedAt: ContinuousClock.Instant?

        mutating func began() { (isSilent, endedAt) = (true, nil) }

        mutating func answered() {
            guard isSilent, endedAt == nil else { return }
            endedAt = .now
        }

        mutating func isOver(_ milliseconds: Int) -> Bool {
            guard isSilent else { return true }
            guard let endedAt, ContinuousClock.now - endedAt >= .milliseconds(milliseconds) else { return false }
            isSilent = false
            return true
        }
    }

    // MARK: Waiting

    private func poke() {
        wake.lock()
        wake.unlock(withValue: true)
    }

    /// Blocks the election's own thread for this long, or until poked.
    private func pause(milliseconds: Int) {
        if wake.lock(whenValue: true, timeoutSeconds: Double(milliseconds) / 1_000) { wake.unlock(withValue: false) }
    }
}
