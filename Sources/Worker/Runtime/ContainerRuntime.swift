import PodlingAgent

/// What runs tasks: a container engine, or plain processes.
///
/// Every call may be cancelled. Errors are `RuntimeError`s (or `CancellationError`). Calls other than `prepare`, `wait`
/// and `logs` have a deadline of their own, so a stuck engine cannot hold a caller for ever.
package protocol ContainerRuntime: Sendable {
    /// Name and version of the engine; also the way to ask whether it answers.
    func info() async throws -> RuntimeInfo

    /// Brings the image here, as `policy` says. Calls for one image share one pull.
    ///
    /// Fails with `.imageNotFound`, `.imagePull` or `.timeout` (no progress for a while, or too long in all).
    func prepare(image: String, policy: PullPolicy) async throws

    /// Creates the container of one attempt and returns its id. Nothing runs yet.
    ///
    /// Repeating it for the same attempt on the same node returns the container that is there already, so a call
    /// whose answer was lost can simply be made again.
    func create(_ spec: ContainerSpec) async throws -> String

    /// Starts a created container. One that was started before is left as it is.
    func start(_ id: String) async throws

    /// Returns once the container has ended, with what the engine recorded.
    ///
    /// To be called after `start`. Rides out an engine that is away for a while; throws `.notFound` when the container
    /// is gone.
    func wait(_ id: String) async throws -> ExitStatus

    /// SIGTERM, then SIGKILL after `graceSeconds`. Returns when the container is down or was down before.
    func stop(_ id: String, graceSeconds: Int) async throws

    /// SIGKILL. A container that is down or gone is no error.
    func kill(_ id: String) async throws

    /// Removes the container and its logs; with `force` also a running one. One that is gone is no error.
    func remove(_ id: String, force: Bool) async throws

    /// What the container wrote. A following stream ends when the container has ended.
    func logs(_ id: String, _ request: LogRequest) async throws -> LogStream

    /// Every container that this node ever created and that is still there, whatever its state.
    func list(nodeId: String) async throws -> [AdoptedContainer]

    /// Ends what the runtime holds open (connections); containers go on.
    func shutdown() async
}

/// What a runtime is.
package struct RuntimeInfo: Sendable, Equatable {
    /// `docker`, `podman` or `process`.
    package var engine: String
    package var version: String

    package init(engine: String, version: String) {
        self.engine = engine
        self.version = version
    }
}
