import DequeModule
import PodlingAccess
import PodlingProtocol

/// The master as a pure state machine: lines, openings, closings and the clock go in, effects come out.
///
/// It does no I/O, reads no clock and draws no random numbers: the same calls give the same bytes. Its effects must
/// leave only once the changes of the same turn are durable (`takeChanges`).
package struct MasterCore: ~Copyable {
    /// The fixed work of a line; its bytes, those of its reply, and what the core examines for it are added.
    private static let lineWork = 5
    #if DEBUG
    /// The most task slots with which a debug build checks the invariants after each turn.
    private static let checkedSlotsMax = 512
    #endif

    package let configuration: CoreConfiguration
    var now: Tick
    let startedAt: Tick
    /// The work done so far, in units of about a tenth of a microsecond, by which a shell can give each session its
    /// share. It wraps around.
    package internal(set) var work = 0
    var reader = JSONReader()
    var tasks: TaskBook
    var pending = PendingQueue()
    var nodes = Fleet()
    var sessions = SessionTable()
    var gatekeeper: Gatekeeper
    var feed: EventFeed
    var streams = StreamTable()
    var changes = ChangeLog()
    var state = MasterState()
    /// The tasks that the reply to the current line reports, for a store that may refuse them or be late, and the kind
    /// of that report.
    var touched: [TaskID] = []
    var touchedKind = Effects.Mark.Kind.change
    var timers = Timers()
    /// Monotonic milliseconds of the next sweep.
    var nextSweep: Int64 = 0

    package init(configuration: CoreConfiguration, now: Tick) {
        self.configuration = configuration
        self.now = now
        startedAt = now
        tasks = TaskBook(nextID: configuration.firstTaskID)
        gatekeeper = Gatekeeper(tokens: configuration.tokens)
        feed = EventFeed(capacity: configuration.eventsKeptMax)
    }

    /// Executes one complete line of a session, without its LF.
    package mutating func lineReceived(
        _ line: UnsafeRawBufferPointer,
        from id: SessionID,
        now: Tick,
        into effects: inout Effects
    ) {
        self.now = now
        guard sessions.isOpen(id) else { return }
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
        sessions.beginActing(id)
        effects.isFree = true
        defer {
            sessions.endActing()
            effects.isFree = true
            if !touched.isEmpty { markTouched(from: written, in: &effects) }
        }
        var request = Request(session: id, id: nil)
        do throws(WireError) {
            let operation = try Self.operation(of: document.root, &request)
            guard let operation else { throw unknownOperation(document.root) }
            try execute(operation, document.root, request, into: &effects)
        } catch {
            effects.reply(request, error)
            if error.isFatal { close(id, into: &effects) }
        }
    }

    /// Ends a turn: places tasks and notifies subscribers. Call it after the lines of one read, and after `tick`.
    package mutating func endTurn(into effects: inout Effects) {
        guard !state.isStandby else { return }
        effects.isFree = false
        defer { effects.isFree = true }
        pruneSubscriptions()
        placeTasks(into: &effects)
        settleEnds(into: &effects)
        tellWatchers(into: &effects)
        resumeStreams(into: &effects)
        #if DEBUG
        if tasks.records.slotCount <= Self.checkedSlotsMax, let fault = checkInvariants() { assertionFailure(fault) }
        #endif
    }

    /// Reads the `id` of a request and returns its operation; nil if it is unknown.
    private static func operation(of root: JSONValue, _ request: inout Request) throws(WireError) -> Operation? {
        var operation: JSONValue?
        var id: JSONValue?
        for member in root.members {
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
        // These two are most of the work, and their own passes check each member.
        if found != .status, found != .submit {
            for member in root.members where !member.value.isNull { try WireError.refuseReply(member) }
        }
        return found
    }

    private func unknownOperation(_ root: JSONValue) -> WireError {
        let name = root["op"]?.string().map { String($0.prefix(64)) } ?? ""
        return WireError(.unknownOp, "op: there is no \"\(name)\"; try {\"op\":\"help\"}", field: "op")
    }

    /// Checks whether the operation may be used now, reads its members, and carries it out.
    private mutating func execute(
        _ operation: Operation,
        _ root: JSONValue,
        _ request: Request,
        into effects: inout Effects
    ) throws(WireError) {
        guard
            sessions[request.session].permissions.contains(operation.row.permission)
                || isOfOwnNode(operation, root, request.session)
        else {
            if let error = denial(operation, request, into: &effects) { throw error }
            return
        }
        try state.checkLeads(
            operation,
            isClientHello: operation == .hello && HelloRequest.isOfClient(root),
            asksStore: configuration.asksStore
        )
        touchedKind = Effects.Mark.Kind(operation.row.effect)
        if !operation.isFree {
            try state.checkStoreTakesMore()
            effects.isFree = false
        }
        if operation.row.audience == .workers {
            try checkWorker(operation, request)
        } else {
            try state.checkStaysUp(for: operation)
        }
        switch operation {
        case .status: try status(WorkerReport(root), request, into: &effects)
        case .submit: try submit(TaskSummary(root, isEnvelope: true), request, into: &effects)
        case .heartbeat: heartbeat(try Heartbeat(root), request, into: &effects)
        case .accept: try accept(ReportedAttempt(root), request, into: &effects)
        case .reject: try reject(RejectRequest(root), request, into: &effects)
        case .get: try get(TaskRequest(root), request, into: &effects)
        case .list: list(try ListRequest(root), request, into: &effects)
        case .submitMany: try submitMany(SubmitManyRequest(root), request, into: &effects)
        case .importTasks: try importTasks(ImportRequest(root, wall: now.wall), request, into: &effects)
        case .cancel: try cancel(CancelRequest(root), request, into: &effects)
        case .wait: try wait(TaskRequest(root), request, into: &effects)
        case .watch: try watch(WatchRequest(root), request, into: &effects)
        case .logs: try logs(LogsRequest(root), request, into: &effects)
        case .unsubscribe: unsubscribe(try UnsubscribeRequest(root), request, into: &effects)
        case .nodes: listNodes(try NodesRequest(root), request, into: &effects)
        case .drain: try drain(DrainRequest(root), request, into: &effects)
        case .ping: ping(request, into: &effects)
        case .help: help(request, into: &effects)
        case .hello:
            try checkHasNotGreeted(request.session)
            try hello(HelloRequest(root), request, into: &effects)
        case .register:
            try register(NodeOffer(root), request, into: &effects)
            // The reply does not report what it changes of tasks.
            touched.removeAll(keepingCapacity: true)
        case .deregister:
            deregister(request, into: &effects)
            touched.removeAll(keepingCapacity: true)
        case .log: log(try LogLine(root), request, into: &effects)
        case .logEnd: logEnd(try LogEndReport(root), request, into: &effects)
        }
    }

}
