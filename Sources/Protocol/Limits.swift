/// Every bound of the protocol (proto-spec.md, section 9), each named with its unit.
public enum Limits {
    /// Containers open at once in one line; the top-level object is the first.
    public static let jsonDepthMax = 32
    /// Content bytes of one line before `hello` was accepted, without LF and the one CR.
    public static let lineBytesBeforeHelloMax = 8 * 1024
    /// Content bytes of one line after `hello` was accepted, without LF and the one CR.
    public static let lineBytesMax = 1024 * 1024
    /// A request's `id` as a string.
    public static let idBytesMax = 64
    /// A task spec as it is kept.
    public static let specBytesMax = 64 * 1024
    /// A task id that another system gave: 255 characters.
    public static let taskIDBytesMax = 1_020
    /// Specs in one `submit_many`.
    public static let submitManyTasksMax = 1_000
    /// Tasks in one `import`.
    public static let importTasksMax = 1_000
    /// Attempts of one task, those of the system it came from too; at this many it fails.
    public static let attemptMax = 1_000_000
    /// The highest attempt that a worker may name: no master gives one so high (2^31 - 1).
    public static let attemptReportedMax = 2_147_483_647
    public static let exitCodes = -2_147_483_648...2_147_483_647
    /// How far ids and times of imported tasks may be ahead of the master's clock.
    public static let importAheadSeconds = 86_400
    /// Texts that a store keeps beside a task's spec: ids of nodes and containers, names, images.
    public static let keptTextCharactersMax = 255
    /// Tasks or nodes in one page of `list` and `nodes`.
    public static let pageItemsMax = 1_000
    public static let pageItemsDefault = 100
    /// A page ends after the object that reaches this many bytes.
    public static let pageBytesMax = 256 * 1024
    /// Tasks that one `list` looks at, matching or not.
    public static let pageTasksScannedMax = 20_000
    /// Bytes of specs that one `list` reads for its filters; each task counts 64 more.
    public static let pageSpecBytesScannedMax = 4 * 1024 * 1024
    public static let subscriptionsPerConnectionMax = 1_000
    /// Of all connections together; none may have more than are free.
    public static let subscriptionsMax = 20_000
    /// Labels, host names, engines and versions of all nodes.
    public static let nodesBytesMax = 64 * 1024 * 1024
    public static let slotsMax = 4_096
    public static let logTailBytesMax = 1024 * 1024
    public static let logTailBytesDefault = 64 * 1024
    /// Bytes of output in one `log` event.
    public static let logChunkBytesMax = 32 * 1024
    /// Bytes of output that a worker sends ahead of what it was told is taken.
    public static let logWindowBytes = 256 * 1024
    /// Bytes of `log` events of all streams of a reader that does not keep up; what comes beyond is dropped and counted.
    public static let logAheadBytesMax = 4 * 1024 * 1024
    /// A place in an output, in bytes: what a number in JSON holds exactly.
    public static let logPositionMax = 1 << 53 - 1
    /// A task's `error`; longer ones are cut.
    public static let errorBytesMax = 1_024
    /// A task's `detail`; longer ones are cut.
    public static let detailBytesMax = 256
    /// From connecting to the end of the first complete line.
    public static let firstLineSeconds = 10
    /// From connecting to showing who one is, where that is asked for.
    public static let identitySeconds = 30
    /// From the first byte of a line to its end.
    public static let partialLineSeconds = 30
    /// From `assign` to the worker's answer.
    public static let acceptSeconds = 10
    public static let prepareSecondsDefault = 3_600
    /// How often an attempt that makes progress may take that long until it runs.
    public static let prepareFactorMax = 6
    /// Rejections after which a task fails.
    public static let rejectionsMax = 10
    /// Output that waits for a peer to read it.
    public static let unreadBytesMax = 8 * 1024 * 1024
    /// The same for all peers together, in the memory of the master.
    public static let unreadBytesTotalMax = 64 * 1024 * 1024
    /// Input of all peers that waits for its lines to be whole, or to be taken.
    public static let inputBytesTotalMax = 256 * 1024 * 1024
    public static let heartbeatMillisecondsDefault = 5_000
    public static let leaseMillisecondsDefault = 15_000
    public static let liveTasksMaxDefault = 2_000_000
    /// Where the machine's memory is not known.
    public static let tasksBytesMaxDefault = 2 * 1024 * 1024 * 1024
    public static let shapesMaxDefault = 100_000
    public static let connectionsMaxDefault = 10_000
    /// Transitions kept for `watch`.
    public static let eventsKeptMax = 65_536
    /// Node names, hosts, engines, versions, label names and values.
    public static let shortTextBytesMax = 255
    public static let labelsMax = 64
    public static let envMax = 1_024
    public static let portsMax = 64
    public static let commandStringsMax = 1_024
    public static let pathBytesMax = 4_096
    public static let priorityMagnitudeMax = 1_000
    public static let timeoutSecondsMax = 31_536_000
    public static let maxAttemptsMax = 100
    public static let maxAttemptsDefault = 5
    public static let stopGraceSecondsMax = 3_600
    public static let stopGraceSecondsDefault = 10
}
