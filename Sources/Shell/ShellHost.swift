import PodlingCore
import PodlingProtocol
import PodlingStore

/// What a shell asks of the event loop that it lives on, and of the store behind it.
///
/// Nothing here calls back into the shell: what follows is an event of its own, after the one under way.
package protocol ShellHost: AnyObject {
    /// The present, by this process's clocks.
    var now: Tick { get }
    /// The same monotonic clock, in microseconds.
    var monotonicMicroseconds: Int64 { get }

    /// Calls `MasterShell.perform` after the event under way, before the sockets are polled again.
    func execute(_ step: ShellStep)
    /// Calls `MasterShell.perform` after this time; the sockets are polled before.
    func schedule(_ step: ShellStep, inMicroseconds: Int64)

    /// Whether the store wants rows (`Store.keepsRows`).
    var keepsRows: Bool { get }
    var storeHealth: StoreHealth { get }
    /// Makes a batch durable.
    ///
    /// - Returns: `durable` where it is so already; `later` where `MasterShell.committed` is called, once, in the order
    ///   of the batches.
    func commit(_ batch: StoreBatch) -> StoreAnswer
    /// Queries the store; `MasterShell.answered` is called once.
    func read(_ query: Effects.Query)

    /// Reports what a log or a test wants to know.
    func tell(_ news: ShellNews)
    /// Reports the requests that were denied.
    func tell(denials: [Denial], leftOut: Int)
}

/// What a shell does later.
package enum ShellStep: Sendable {
    /// Ends the turn with everything that one poll of the sockets brought.
    case endPoll
    /// Resumes the sessions of the run queue.
    case run
    /// Closes all sessions, as soon as no turn waits for the store.
    case closeAll
    /// Fails the requests that still wait for the store.
    case failWaiting
}

/// What happened in a shell.
package enum ShellNews: Sendable {
    case standingBy(leader: String?)
    case leading
    /// Rows that cannot be tasks are left out; the text of some of their ids.
    case leftOut(count: Int, ids: [String])
    /// An adopted task that no worker can run is failed.
    case adoptionFailed(task: String, reason: String)
    case storeLate
    case storeBack
    case storeFailed(StoreError)
    case storeNotRead(StoreError)
    case stalled(milliseconds: Int64)
    /// A session is closed whose peer does not read.
    case notRead(bytes: Int, reason: String)
    /// A session is closed for an error of its peer.
    case refused(ErrorCode)
    /// A peer reads more slowly than it is written to, or has caught up.
    case backedUp(Bool)
    /// A session is not read until the store has caught up.
    case heldBack
    /// Lines that need not wait for the store leave before those that do.
    case sentAhead
}
