import PodlingCore
import PodlingStore

/// Where the stores of several masters are made for a test: a database of its own.
package protocol StoreStand {
    var promises: StorePromises { get }

    /// The present time by the stores' clock, in milliseconds since 1970.
    var now: Int64 { get }

    /// Opens the store of a master, a candidate for the lead.
    ///
    /// - Parameters:
    ///   - hasLongLease: its lease outlasts the test, where the stand has a choice.
    ///   - heldMax: how many ended tasks it loads.
    func open(_ address: String, hasLongLease: Bool, heldMax: Int) async throws -> any StoreInTest

    /// Makes another master the leader, whoever leads now.
    func takeLeadAway() async throws

    /// From now on new tasks are refused whose names begin with `bad`, and changes of those that begin with `rude`.
    func refuseRows() async throws

    /// From now on no batch becomes durable, until `goOn`.
    func holdUp() async throws
    func goOn() async throws
}

/// What a store says it does; each check asserts something for every store.
package struct StorePromises: Sendable {
    /// Rows outlive the store, masters share them, and one of these leads. A store without rows has no peers, and a batch
    /// is durable at once.
    package var keepsRows: Bool
    /// Transitions are kept too.
    package var keepsEvents: Bool
    /// A batch that cannot be made durable fails some time after `giveUp`.
    package var givesUp: Bool

    package init(keepsRows: Bool, keepsEvents: Bool, givesUp: Bool) {
        (self.keepsRows, self.keepsEvents, self.givesUp) = (keepsRows, keepsEvents, givesUp)
    }
}

/// The store of one master.
package protocol StoreInTest {
    var keepsRows: Bool { get }

    /// The next change of leadership; nil after the last.
    func news() async -> StoreLeadership?

    func commit(_ batch: StoreBatch) -> StoreAnswer

    /// The answers to batches of `commit` that said `later`, in the order in which they came: the next ones, as many as
    /// these; fewer where no more come.
    func answers(_ count: Int) async -> [CommitAnswer]

    /// How many answers came until now.
    var answerCount: Int { get }

    /// All pieces.
    func load() async throws -> [StoreBatch]

    func read(_ query: StoreQuery) async -> Result<StorePage, StoreError>

    func giveUp(inMilliseconds milliseconds: Int)

    func close() async
}

/// What came of a batch.
package struct CommitAnswer: Sendable {
    /// Which of the batches that said `later`, from 0.
    package var batch: Int
    package var result: Result<Void, StoreError>
    package var refused: [RefusedRow]

    package init(batch: Int, result: Result<Void, StoreError>, refused: [RefusedRow]) {
        (self.batch, self.result, self.refused) = (batch, result, refused)
    }
}
