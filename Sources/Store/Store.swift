import PodlingCore

/// The master's storage of tasks and nodes.
///
/// The shell commits one batch each turn, in order, and withholds the turn's effects until the store reports the batch
/// durable: nothing leaves the master before that.
package protocol Store: Sendable {
    /// The store's name in STORE_TYPE.
    var name: String { get }

    /// Whether the store wants rows. One that keeps none is given empty batches, and nothing is copied for it.
    var keepsRows: Bool { get }

    /// Changes of leadership, for one reader. Only a store whose last value is `leading` is loaded, once, and given
    /// batches.
    var leadership: AsyncStream<StoreLeadership> { get }

    /// Announces to the masters that share this store where this one is reached, HOST:PORT. A store may wait for it
    /// before this master becomes the leader.
    func advertise(_ address: String)

    /// Makes a batch durable. Never blocks.
    ///
    /// - Returns: `durable` where it is so already; `later` where `done` will be called, once, on any thread, in the
    ///   order of the batches.
    func commit(_ batch: StoreBatch, done: @escaping @Sendable (Result<Void, StoreError>) -> Void) -> StoreAnswer

    /// Commits for a caller that can continue without rows that the store rejects for their content, as by a user's
    /// constraint: everything else becomes durable, and `refused` is called with the rejected rows of the batch before
    /// `done` is.
    func commit(
        _ batch: StoreBatch,
        refused: @escaping @Sendable ([RefusedRow]) -> Void,
        done: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) -> StoreAnswer

    /// Delivers what an earlier run stored, in pieces, before the first `commit`: nodes, then tasks with their specs,
    /// in the order of ids; the last transitions come with the last piece, and their trail with the first.
    func load(_ take: @escaping @Sendable (StoreBatch) async throws -> Void) async throws

    var health: StoreHealth { get }

    /// Sets the source of everything that the store is to have, for a store that finds that it has lost acknowledged
    /// rows. Call it before `load`.
    func refills(from source: @escaping HeldSource)

    /// Queries what the master does not hold. Never blocks; `done` is called once, on any thread. Only a store that
    /// keeps rows is queried.
    func read(_ query: StoreQuery, done: @escaping @Sendable (Result<StorePage, StoreError>) -> Void)

    /// Begins the shutdown: a batch that cannot be made durable within this time fails. Never blocks.
    func giveUp(inMilliseconds milliseconds: Int)

    /// Finishes the store's work. Batches committed before are durable when this returns.
    func close() async
}

extension Store {
    package var name: String { "unnamed" }

    package var health: StoreHealth { StoreHealth() }

    package func refills(from source: @escaping HeldSource) {}

    package func giveUp(inMilliseconds milliseconds: Int) {}

    package func commit(
        _ batch: StoreBatch,
        refused: @escaping @Sendable ([RefusedRow]) -> Void,
        done: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) -> StoreAnswer {
        commit(batch, done: done)
    }

    package func read(_ query: StoreQuery, done: @escaping @Sendable (Result<StorePage, StoreError>) -> Void) {
        done(.failure(StoreError("this store keeps no more than the master holds")))
    }
}

/// Delivers a page of what the master holds, from a position, 0 at first; `done` is called once, on any thread.
package typealias HeldSource = @Sendable (_ position: Int, _ done: @escaping @Sendable (HeldPage) -> Void) -> Void

package enum StoreAnswer: Sendable {
    case durable
    case later
}

/// Which of the masters that share a store leads.
package enum StoreLeadership: Sendable, Equatable {
    case leading
    /// Another leads; its HOST:PORT, where it is known.
    case standby(leader: String?)
    /// This one led, and another took over: this master's state is void.
    case lost
}

/// Why a batch could not be made durable.
package struct StoreError: Error, Sendable {
    /// A human-readable message.
    package var message: String

    /// Whether the batch failed since another master took over.
    package var isLeadLost: Bool

    package init(_ message: String, isLeadLost: Bool = false) {
        self.message = message
        self.isLeadLost = isLeadLost
    }
}
