import DequeModule
import PodlingAccess
import PodlingProtocol

/// The master as a pure state machine: lines, openings, closings and the clock go in, effects come out.
///
/// It does no I/O, reads no clock and draws no random numbers: the same calls give the same bytes. What it emits
/// must leave only once the changes of the same turn are durable (`takeChanges`).
public struct MasterCore: ~Copyable {
    /// For a line, whatever it asks; its bytes and those of its answer come on top, and what it makes the core look at.
    private static let lineWork = 5

    public let configuration: CoreConfiguration
    var now: Tick
    let startedAt: Tick
    /// What was done so far, in units of about a tenth of a microsecond, so that a shell can give each session its share.
    /// It wraps round.
    public internal(set) var work = 0
    var reader = JSONReader()
    var nextTaskID: TaskID
    /// Restored tasks come in the order of their ids.
    var nextRestoredID = TaskID(number: 0)
    var tasks = TaskTable()
    var nodes = NodeTable()
    /// What the texts of all nodes take.
    var nodesBytes = 0
    var shapes = ShapeTable()
    var sessions: [Session] = []
    /// Whose tokens are good.
    var tokens: TokenTable
    var failures = FailureTable()
    var refusals: [Refusal] = []
    var events: EventRing
    var watchers = WatcherTable()
    var eventTexts = EventTexts()
    /// Where the events stood when all watchers of all tasks that keep up were told; 0 where one was not.
    var watchersToldUpTo = 0
    /// Those who wait for the end of a task, by slot.
    var waiters: [TaskSlot: [Waiter]] = [:]
    /// Ends of which some who waited were not told yet.
    var endings = Deque<Ending>()
    /// Output on its way, by the number the worker knows it by.
    var streams: [Int: LogStream] = [:]
    /// Readers of output, perhaps, that keep up again since the last turn.
    var resumedReaders: [SessionID] = []
    var nextStream = 1
    /// Those streams by the slot of their task.
    var streamsOfTask: [TaskSlot: [Int]] = [:]
    /// By the connection of the worker that sends them.
    var streamsOfWorker: [SessionID: Set<Int>] = [:]
    var idempotencyKeys: [String: TaskSlot] = [:]
    /// Ended tasks in the order of their ends.
    var finished = Deque<(slot: TaskSlot, id: TaskID)>()
    /// What they take, as `TaskRecord.byteCost` counts it.
    var finishedBytes = 0
    /// Tasks by status, indexed by `TaskStatus.rawValue`.
    var counts = [Int](repeating: 0, count: TaskStatus.allCases.count)
    /// Tasks that ended and that somebody waits for, while that is not settled.
    var observedEnds = Deque<(slot: TaskSlot, id: TaskID)>()
    var changedTasks: [TaskSlot] = []
    /// Tasks that are held no longer, or were imported where there was no room, before the store had their last version.
    var forgottenRows: [TaskRow] = []
    /// See `StoreBatch`.
    var forgottenUpTo: Int64 = 0
    /// It grew since the last batch for the store.
    var hasForgotten = false
    /// Grows with every import that took something.
    var importNumber = 0
    var changedNodes: [NodeIndex] = []
    var removedNodes: [String] = []
    /// Monotonic milliseconds at which last heartbeats are to be written next.
    var nextHeartbeatWrite: Int64 = 0
    var heartbeatWrites = 0
    /// Transitions since the last batch, for a store that keeps them.
    var audited: [TaskEventRow] = []
    /// The session whose line is carried out.
    var acting: SessionID?
    /// The tasks that its answer says something of, where a store may refuse them or be late, and in what way.
    var touched: [TaskID] = []
    var touchedKind = Effects.Mark.Kind.change
    /// Tasks that are new with one request, which is refused as a whole, by the number of that.
    var groups: [TaskID: Int] = [:]
    var lastGroup = 0
    /// Tasks whose last changes the store has refused.
    var unsaved: [TaskID: UnsavedTask] = [:]
    /// The store is not told yet that this run begins.
    var isRunNew = false
    /// Epochs whose cursors are good still.
    var earlierRuns: Set<String> = []
    /// Nodes that got room since tasks were last placed.
    var freedNodes: [NodeIndex] = []
    /// Nodes against which blocked shapes are being held (`ShapeTable.walk`).
    var roomyNodes: [NodeIndex] = []
    var subscriptionCount = 0
    /// Since the lists of who is told were last pruned.
    var endedSubscriptions = 0
    var nextSweep: Int64 = 0
    var isShuttingDown = false
    public internal(set) var leadership = Leadership.leading
    var storeState = StoreState.prompt
    var storeHealth = StoreHealth()
    /// All that is held is being read for the store.
    var isRefilling = false
    /// Milliseconds since 1970; nil without TLS. For `ping`.
    public var certificateEnd: Int64?

    public init(configuration: CoreConfiguration, now: Tick) {
        self.configuration = configuration
        self.now = now
        startedAt = now
        nextTaskID = configuration.firstTaskID
        tokens = configuration.tokens
        events = EventRing(capacity: configuration.eventsKeptMax)
    }

    var liveCount: Int {
        counts[Int(TaskStatus.pending.rawValue)] + counts[Int(TaskStatus.scheduled.rawValue)]
            + counts[Int(TaskStatus.running.rawValue)]
    }

    /// Takes one complete line of a session, without its LF.
    public mutating func lineReceived(
        _ line: UnsafeRawBufferPointer,
        from id: SessionID,
        now: Tick,
        into effects: inout Effects
    ) {
        self.now = now
        guard isOpen(id) else { return }
        let written = effects.byteCount
        defer { work &+= Self.lineWork &+ line.count >> 5 &+ (effects.byteCount &- written) >> 6 }
        let document: JSONDocument
        do {
            document = try reader.parse(line)
        } catch {
            effects.sendError(WireError(.badJSON, "\(error)"), to: id)
            return
        }
        sawLife(of: id)
        acting = id
        effects.isFree = true
        defer {
            acting = nil
            effects.isFree = true
            if !touched.isEmpty { markTouched(from: written, in: &effects) }
        }
        var request = Request(session: id, id: nil, root: document.root)
        do throws(WireError) {
            let operation = try Self.operation(of: &request)
            guard let operation else { throw unknownOperation(document.root) }
            try execute(operation, request, into: &effects)
        } catch {
            effects.reply(request, error)
            if error.isFatal { close(id, into: &effects) }
        }
    }

    /// Ends a turn: places tasks, tells watchers. Call it after the lines of one read, and after `tick`.
    public mutating func endTurn(into effects: inout Effects) {
        guard leadership == .leading else { return }
        effects.isFree = false
        defer { effects.isFree = true }
        pruneSubscriptions()
        placeTasks(into: &effects)
        settleEnds(into: &effects)
        tellWatchers(into: &effects)
        resumeStreams(into: &effects)
    }

    /// Takes the `id` of a request, and gives its operation; nil is one that nobody knows.
    private static func operation(of request: inout Request) throws(WireError) -> Operation? {
        var operation: JSONValue?
        var id: JSONValue?
        for member in request.root.members {
            if operation == nil, member.keyEquals("op") {
                operation = member.value
            } else if id == nil, member.keyEquals("id") {
                id = member.value
            }
            if operation != nil, id != nil { break }
        }
        if let id, !id.isNull {
            guard id.kind == .integer || id.isText(of: 1...Limits.idBytesMax) else {
                throw .field("id", "must be an integer or a string of 1 to \(Limits.idBytesMax) bytes")
            }
            request.id = id.raw
        }
        guard let operation, operation.isString else {
            throw WireError(.badRequest, "op: is required, a string; try {\"op\":\"help\"}", field: "op")
        }
        let found = Operation(operation)
        // The walks of these two see each member, and they are most of the work.
        if found != .status, found != .submit {
            for member in request.root.members where !member.value.isNull { try WireError.refuseReply(member) }
        }
        return found
    }

    private func unknownOperation(_ root: JSONValue) -> WireError {
        let name = root["op"]?.string().map { String($0.prefix(64)) } ?? ""
        return WireError(.unknownOp, "op: there is no \"\(name)\"; try {\"op\":\"help\"}", field: "op")
    }

    private mutating func execute(
        _ operation: Operation,
        _ request: Request,
        into effects: inout Effects
    ) throws(WireError) {
        guard
            sessions[request.session.slot].permissions.contains(operation.permission)
                || isOfOwnNode(operation, request)
        else {
            if let error = denial(operation, request, into: &effects) { throw error }
            return
        }
        try checkLeadership(operation, request)
        touchedKind = operation.isRead ? .read : operation.isFree ? .subscription : .change
        if !operation.isFree {
            if storeState == .full { throw storeIsFull }
            effects.isFree = false
        }
        if operation.isForWorkers { try checkWorker(operation, request) } else { try checkClient(operation) }
        switch operation {
        case .status: try status(request, into: &effects)
        case .submit: try submit(request, into: &effects)
        case .heartbeat: try heartbeat(request, into: &effects)
        case .accept: try accept(request, into: &effects)
        case .reject: try reject(request, into: &effects)
        case .get: try get(request, into: &effects)
        case .list: try list(request, into: &effects)
        case .submitMany: try submitMany(request, into: &effects)
        case .importTasks: try importTasks(request, into: &effects)
        case .cancel: try cancel(request, into: &effects)
        case .wait: try wait(request, into: &effects)
        case .watch: try watch(request, into: &effects)
        case .logs: try logs(request, into: &effects)
        case .unsubscribe: try unsubscribe(request, into: &effects)
        case .nodes: try listNodes(request, into: &effects)
        case .drain: try drain(request, into: &effects)
        case .ping: ping(request, into: &effects)
        case .help: help(request, into: &effects)
        case .hello: try hello(request, into: &effects)
        case .register:
            try register(request, into: &effects)
            // What it makes of tasks is no answer to it.
            touched.removeAll(keepingCapacity: true)
        case .deregister:
            deregister(request, into: &effects)
            touched.removeAll(keepingCapacity: true)
        case .log: try log(request, into: &effects)
        case .logEnd: try logEnd(request, into: &effects)
        }
    }

    private func checkClient(_ operation: Operation) throws(WireError) {
        guard isShuttingDown else { return }
        guard operation == .submit || operation == .submitMany || operation == .importTasks else { return }
        throw WireError(.draining, "the master is going down", retryAfterMilliseconds: 1_000)
    }
}
