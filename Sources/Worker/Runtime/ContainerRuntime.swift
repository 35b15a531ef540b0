import PodlingAgent

/// Runs tasks: a container engine, or plain processes.
///
/// Every call may be cancelled. Errors are `RuntimeError`s (or `CancellationError`). Calls other than `prepare`, `wait`
/// and `logs` have a deadline of their own, so a stuck engine cannot hold a caller for ever.
package protocol ContainerRuntime: Sendable {
    /// Name and version of the engine; also serves as a health probe.
    func info() async throws -> RuntimeInfo

    /// Makes the image available locally, as `policy` says. Concurrent calls for one image share one pull.
    ///
    /// Fails with `.imageNotFound`, `.imagePull` or `.timeout` (no progress for a while, or too long in total).
    func prepare(image: String, policy: PullPolicy) async throws

    /// Creates the container of one attempt and returns its id. Nothing runs yet.
    ///
    /// Idempotent: repeating it for the same attempt on the same node returns the container that exists already, so a
    /// call whose answer was lost can simply be retried.
    func create(_ spec: ContainerSpec) async throws -> String

    /// Starts a created container. Idempotent: one that was started before is left as it is.
    func start(_ id: String) async throws

    /// Returns once the container has ended, with what the engine recorded.
    ///
    /// Call it after `start`. Retries while the engine is unavailable, for a while; throws `.notFound` when the
    /// container no longer exists.
    func wait(_ id: String) async throws -> ExitStatus

    /// Sends SIGTERM, then SIGKILL after `graceSeconds`. Returns when the container has ended, or had ended before.
    func stop(_ id: String, graceSeconds: Int) async throws

    /// Sends SIGKILL. Idempotent: a container that has ended or no longer exists is no error.
    func kill(_ id: String) async throws

    /// Removes the container and its logs; with `force` also a running one. Idempotent: a missing one is no error.
    func remove(_ id: String, force: Bool) async throws

    /// Reads the container's output. A following stream ends when the container has ended.
    func logs(_ id: String, _ request: LogRequest) async throws -> LogStream

    /// Lists every container that this node ever created and that still exists, whatever its state.
    func list(nodeId: String) async throws -> [AdoptedContainer]

    /// Closes the runtime's connections; containers continue to run.
    func shutdown() async
}

/// The identity of a runtime.
package struct RuntimeInfo: Sendable, Equatable {
    /// `docker`, `podman` or `process`.
    package var engine: String
    package var version: String

    package init(engine: String, version: String) {
        self.engine = engine
        self.version = version
    }
}
