import PodlingCore

/// Where the master keeps its tasks and nodes.
///
/// The shell hands over one batch a turn, in order, and holds the turn's effects until the store says that the
/// batch is durable: nothing leaves the master before it is.
public protocol Store: Sendable {
    /// As STORE_TYPE has it.
    var name: String { get }

    /// Whether the store wants rows. One that keeps none is handed empty batches, and nothing is copied for it.
    var keepsRows: Bool { get }

    /// Who leads, as it comes to be known; for one reader. Only a store whose last word is `leading` is loaded, once,
    /// and given batches.
    var leadership: AsyncStream<StoreLeadership> { get }

    /// Tells the masters that share this store where this one is reached, HOST:PORT. A store may wait for it before this
    /// master comes to lead.
    func advertise(_ address: String)

    /// Makes a batch durable. It never blocks.
    ///
    /// - Returns: `durable` when it is so already; `later` when `done` will be called, once, on any thread, in the
    ///   order of the batches.
    func commit(_ batch: StoreBatch, done: @escaping @Sendable (Result<Void, StoreError>) -> Void) -> StoreAnswer

    /// The same, for one who can go on without a row that the store refuses for what it holds, as by a constraint of the
    /// user's: all else becomes durable, and `refused` is called with those of the batch before `done` is.
    func commit(
        _ batch: StoreBatch,
        refused: @escaping @Sendable ([RefusedRow]) -> Void,
        done: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) -> StoreAnswer

    /// Hands over what an earlier run kept, in pieces, before the first `commit`: nodes, then tasks with their specs, in
    /// the order of ids; the last transitions come with the last, and their trail with the first.
    func load(_ take: @escaping @Sendable (StoreBatch) async throws -> Void) async throws

    /// How the store is.
    var health: StoreHealth { get }

    /// Who says all that the store is to have, where it finds that it has less than it said. Call it before `load`.
    func refills(from source: @escaping HeldSource)

    /// Looks for what the master does not hold. It never blocks; `done` is called once, on any thread. Only a store that
    /// keeps rows is asked.
    func read(_ query: StoreQuery, done: @escaping @Sendable (Result<StorePage, StoreError>) -> Void)

    /// The program is about to end: a batch that cannot be made durable within this time fails. It never blocks.
    func giveUp(inMilliseconds milliseconds: Int)

    /// Ends what the store has under way. Batches handed over before are durable when this returns.
    func close() async
}

extension Store {
    public var name: String { "unnamed" }

    public var health: StoreHealth { StoreHealth() }

    public func refills(from source: @escaping HeldSource) {}

    public func giveUp(inMilliseconds milliseconds: Int) {}

    public func commit(
        _ batch: StoreBatch,
        refused: @escaping @Sendable ([RefusedRow]) -> Void,
        done: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) -> StoreAnswer {
        commit(batch, done: done)
    }

    public func read(_ query: StoreQuery, done: @escaping @Sendable (Result<StorePage, StoreError>) -> Void) {
        done(.failure(StoreError("this store keeps no more than the master holds")))
    }
}

/// Gives a page of what the master holds, from a position on, 0 at first; `done` is called once, on any thread.
public typealias HeldSource = @Sendable (_ position: Int, _ done: @escaping @Sendable (HeldPage) -> Void) -> Void

public enum StoreAnswer: Sendable {
    case durable
    case later
}

/// Which of the masters that share a store decides.
public enum StoreLeadership: Sendable, Equatable {
    case leading
    /// Another does; its HOST:PORT, where it is known.
    case standby(leader: String?)
    /// This one did, and another took over: this master's state is void.
    case lost
}

/// Why a batch could not be made durable.
public struct StoreError: Error, Sendable {
    /// For people.
    public var message: String

    /// Another master took over.
    public var isLeadLost: Bool

    public init(_ message: String, isLeadLost: Bool = false) {
        self.message = message
        self.isLeadLost = isLeadLost
    }
}
