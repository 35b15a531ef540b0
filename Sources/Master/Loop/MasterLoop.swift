import Logging
import NIOCore
import PodlingCore
import PodlingShell
import PodlingStore
import PodlingTLS

/// The event loop and the store of a shell: time, steps to be carried out later, and the log.
final class MasterLoop: ShellHost {
    private static let tickTime = TimeAmount.milliseconds(250)

    let eventLoop: any EventLoop
    let configuration: MasterConfiguration
    let logger: Logger
    let failures: FailureLog
    let pendingHandshakes: PendingHandshakes
    let store: any Store
    let keepsRows: Bool
    /// The shell, which owns this.
    private weak var shell: MasterShell?
    private var ticker: RepeatedTask?
    /// The rows that the store rejects of the batch whose result comes next.
    private var refusedRows: [RefusedRow] = []
    private var denialLog = DenialLog()
    /// The number of adopted tasks that no worker can run.
    var failedAdoptions = 0
    /// Called once the store has failed: the master cannot continue.
    var storeFailed: ((StoreError) -> Void)?

    private init(_ configuration: MasterConfiguration, _ store: any Store, _ eventLoop: any EventLoop, _ logger: Logger)
    {
        self.configuration = configuration
        self.store = store
        self.eventLoop = eventLoop
        self.logger = logger
        keepsRows = store.keepsRows
        failures = FailureLog(logger)
        pendingHandshakes = PendingHandshakes(
            countMax: configuration.pendingHandshakesMax,
            perAddressMax: configuration.pendingHandshakesPerAddressMax
        )
    }

    /// A shell on this event loop.
    static func shell(
        configuration: MasterConfiguration,
        store: any Store,
        eventLoop: any EventLoop,
        logger: Logger
    ) -> (shell: MasterShell, loop: MasterLoop) {
        let loop = MasterLoop(configuration, store, eventLoop, logger)
        var core = configuration.core
        core.asksStore = store.keepsRows
        let shell = MasterShell(host: loop, limits: configuration.limits, core: core)
        loop.shell = shell
        return (shell, loop)
    }

    // MARK: Time

    func start() {
        tellCertificateEnd()
        shell?.start()
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        ticker = eventLoop.scheduleRepeatedTask(initialDelay: Self.tickTime, delay: Self.tickTime) { _ in
            bound.value.tick()
        }
    }

    func stopTicking() { ticker?.cancel() }

    private func tick() {
        tellCertificateEnd()
        shell?.tick()
    }

    private func tellCertificateEnd() {
        shell?.setCertificateEnd(configuration.tls?.certificate?.notAfter.map { Int64($0) * 1_000 })
    }

    var now: Tick { .current() }

    var monotonicMicroseconds: Int64 { Int64(NIODeadline.now().uptimeNanoseconds / 1_000) }

    func execute(_ step: ShellStep) {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.execute { bound.value.shell?.perform(step) }
    }

    func schedule(_ step: ShellStep, inMicroseconds microseconds: Int64) {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(in: .microseconds(microseconds)) { bound.value.shell?.perform(step) }
    }

    // MARK: The store

    var storeHealth: StoreHealth { store.health }

    func commit(_ batch: StoreBatch) -> StoreAnswer {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let loop = eventLoop
        return store.commit(
            batch,
            refused: { rows in loop.execute { bound.value.refusedRows = rows } },
            done: { result in loop.execute { bound.value.committed(result) } }
        )
    }

    private func committed(_ result: Result<Void, StoreError>) {
        let rows = refusedRows
        refusedRows = []
        shell?.committed(result, refused: rows)
    }

    func read(_ query: Effects.Query) {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let loop = eventLoop
        store.read(query.query) { result in loop.execute { bound.value.shell?.answered(query, result) } }
    }

    func tell(denials: [Denial], leftOut: Int) { denialLog.write(denials, leftOut: leftOut, to: logger) }
}
