/// Every bound of the protocol (proto-spec.md, section 9), each named with its unit.
public enum Limits {
    /// Containers open at once in one line; the top-level object is the first.
    public static let jsonDepthMax = 32
    /// Content bytes of one line before `hello` was accepted, without LF and the one CR.
    public static let lineBytesBeforeHelloMax = 8 * 1024
    /// Content bytes of one line after `hello` was accepted, without LF and the one CR.
    public static let lineBytesMax = 1024 * 1024
    /// The largest integer in a line, which a double holds exactly; its negative is the smallest.
    public static let integerMax = 1 << 53 - 1
    /// Length of a request's `id` where it is a string.
    public static let idBytesMax = 64
    /// Size of a task spec as it is stored.
    public static let specBytesMax = 64 * 1024
    /// Length of a task id that another system assigned: 255 characters.
    public static let taskIDBytesMax = 1_020
    /// Specs in one `submit_many`.
    public static let submitManyTasksMax = 1_000
    /// Tasks in one `import`.
    public static let importTasksMax = 1_000
    /// Attempts of one task, including those in the system that it was imported from; the task fails when it reaches
    /// this.
    public static let attemptMax = 1_000_000
    /// The highest attempt that a worker may name: no master gives one so high (2^31 - 1).
    public static let attemptReportedMax = 2_147_483_647
    /// The exit codes that a worker may report: 32 bits with a sign.
    public static let exitCodes = -2_147_483_648...2_147_483_647
    /// How far the ids and times of imported tasks may be ahead of the master's clock.
    public static let importAheadSeconds = 86_400
    /// Texts stored in columns of their own next to a task's spec: ids of nodes and containers, names, images.
    public static let keptTextCharactersMax = 255
    /// Tasks or nodes in one page of `list` and `nodes`.
    public static let pageItemsMax = 1_000
    /// Tasks or nodes in one page where the request has no `limit`.
    public static let pageItemsDefault = 100
    /// A page ends after the object that reaches this many bytes.
    public static let pageBytesMax = 256 * 1024
    /// Tasks that one `list` looks at, matching or not.
    public static let pageTasksScannedMax = 20_000
    /// Bytes of specs that one `list` reads for its filters; each task counts 64 more.
    public static let pageSpecBytesScannedMax = 4 * 1024 * 1024
    /// Subscriptions open at once on one connection.
    public static let subscriptionsPerConnectionMax = 1_000
    /// Subscriptions of all connections together; none may have more than are free.
    public static let subscriptionsMax = 20_000
    /// Total size of labels, host names, engines and versions of all nodes.
    public static let nodesBytesMax = 64 * 1024 * 1024
    /// Attempts that one node may have at once.
    public static let slotsMax = 4_096
    /// Bytes from the end that `logs` may ask for.
    public static let logTailBytesMax = 1024 * 1024
    /// Bytes from the end where `logs` has neither `tail` nor `from`.
    public static let logTailBytesDefault = 64 * 1024
    /// Bytes of output in one `log` event.
    public static let logChunkBytesMax = 32 * 1024
    /// Flow-control window: bytes of output that a worker may send ahead of the acknowledged position.
    public static let logWindowBytes = 256 * 1024
    /// Bytes of `log` events buffered for all streams of a slow reader; what comes beyond is dropped and counted.
    public static let logAheadBytesMax = 4 * 1024 * 1024
    /// Greatest byte position in an output.
    public static let logPositionMax = integerMax
    /// Length of a task's `error`; longer ones are cut.
    public static let errorBytesMax = 1_024
    /// Length of a task's `detail`; longer ones are cut.
    public static let detailBytesMax = 256
    /// Time from connecting to the end of the first complete line.
    public static let firstLineSeconds = 10
    /// Time from connecting to authentication, where that is required.
    public static let identitySeconds = 30
    /// Time from the first byte of a line to its end.
    public static let partialLineSeconds = 30
    /// Time from `assign` to the worker's answer.
    public static let acceptSeconds = 10
    /// Time from an assignment to `running`.
    public static let prepareSecondsDefault = 3_600
    /// How many times over `prepareSeconds` an attempt that makes progress may take until it runs.
    public static let prepareFactorMax = 6
    /// Rejections after which a task fails.
    public static let rejectionsMax = 10
    /// Output buffered for one peer that does not read it.
    public static let unreadBytesMax = 8 * 1024 * 1024
    /// Output buffered for all peers together, in the memory of the master.
    public static let unreadBytesTotalMax = 64 * 1024 * 1024
    /// Input of all peers that is buffered because its line is incomplete or is not yet processed.
    public static let inputBytesTotalMax = 256 * 1024 * 1024
    /// A worker sends a line at least this often.
    public static let heartbeatMillisecondsDefault = 5_000
    /// Time from a worker's last line to the end of its lease.
    public static let leaseMillisecondsDefault = 15_000
    /// Tasks that have not ended.
    public static let liveTasksMaxDefault = 2_000_000
    /// The default where the machine's memory size is not known.
    public static let tasksBytesMaxDefault = 2 * 1024 * 1024 * 1024
    /// Different sets of cpu, memory and `nodeSelector` among live tasks.
    public static let shapesMaxDefault = 100_000
    /// Connections open at once.
    public static let connectionsMaxDefault = 10_000
    /// Transitions kept for `watch`.
    public static let eventsKeptMax = 65_536
    /// Length of node names, hosts, engines, versions, label names and values.
    public static let shortTextBytesMax = 255
    /// Members of `labels`, and of `nodeSelector`.
    public static let labelsMax = 64
    /// Members of `env`.
    public static let envMax = 1_024
    /// The ports of TCP and UDP that a server can have.
    public static let portNumbers = 1...65_535
    /// Elements of `ports`.
    public static let portsMax = 64
    /// Strings in `command`, and in `args`.
    public static let commandStringsMax = 1_024
    /// Length of `workingDir`.
    public static let pathBytesMax = 4_096
    /// The highest `priority`; its negative is the lowest.
    public static let priorityMagnitudeMax = 1_000
    /// The longest `timeoutSeconds`: 365 days.
    public static let timeoutSecondsMax = 31_536_000
    /// The highest `maxAttempts`.
    public static let maxAttemptsMax = 100
    /// `maxAttempts` where the spec has none.
    public static let maxAttemptsDefault = 5
    /// The longest `stopGraceSeconds`.
    public static let stopGraceSecondsMax = 3_600
    /// `stopGraceSeconds` where the spec has none.
    public static let stopGraceSecondsDefault = 10
}
