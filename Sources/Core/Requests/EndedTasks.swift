import PodlingProtocol

/// The operation that a request asks for on the one task that it names.
enum TaskOperation: Sendable {
    case get
    case cancel
    case wait
    /// - Parameter next: the number of the first event to send, of the retained ones if the watch resumes after a
    ///   cursor.
    case watch(next: Int, isResumed: Bool)
    case logs(LogSelection)
}

/// The part of a task that the master holds no longer which its output needs.
struct EndedTask {
    var idText: String
    var status: TaskStatus
    var exitCode: Int?

    init(_ row: TaskRow) { (idText, status, exitCode) = (row.idText, row.status, row.exitCode) }
}

extension MasterCore {
    /// Leaves a task that this master does not hold to the store: if it exists at all, it ended long ago.
    ///
    /// - Throws: `not_found` if the master holds all there is.
    mutating func askForTask(
        _ operation: TaskOperation,
        _ name: TaskName,
        _ request: Request,
        into effects: inout Effects
    ) throws(WireError) {
        guard configuration.asksStore else { throw Self.noTask(name.text) }
        ask(.task(id: name.text), operation: operation, request, into: &effects)
    }

    static func noTask(_ id: String) -> WireError {
        WireError(.notFound, "taskId: there is no task \(id)", field: "taskId")
    }

    /// Replies for a task that no store has: at most its last transitions may be retained.
    mutating func answerWithoutTask(
        _ operation: TaskOperation,
        _ name: String,
        _ request: Request,
        into effects: inout Effects
    ) {
        do throws(WireError) {
            guard case .watch(let next, isResumed: true) = operation, let id = tasks.table.id(Array(name.utf8)) else {
                throw Self.noTask(name)
            }
            try watch(id, end: nil, from: next, request, into: &effects)
        } catch {
            effects.reply(request, error)
        }
    }

    /// Carries out the operation on a task with the store's row.
    mutating func answer(_ operation: TaskOperation, _ row: TaskRow, _ request: Request, into effects: inout Effects) {
        if case .get = operation { return reply(row, request, into: &effects) }
        guard row.status.isTerminal else {
            // All live tasks are held in memory, so the row that was read is stale.
            let error = WireError(
                .unavailable,
                "taskId: the store's copy that was read is behind; ask again",
                field: "taskId",
                retryAfterMilliseconds: MasterState.storeRetryMilliseconds
            )
            return effects.reply(request, error)
        }
        do throws(WireError) {
            switch operation {
            case .get, .cancel: reply(row, request, into: &effects)
            case .wait: tellEnd(of: row, request, into: &effects)
            case .watch(let next, _): try watch(row, from: next, request, into: &effects)
            case .logs(let selection): try beginLogs(of: row, selection, request, into: &effects)
            }
        } catch {
            effects.reply(request, error)
        }
    }

    private func reply(_ row: TaskRow, _ request: Request, into effects: inout Effects) {
        effects.beginReply(request)
        row.write(to: &effects.writer)
        effects.endReply()
    }

    /// Replies to a `wait`, and at once sends its one event.
    private mutating func tellEnd(of row: TaskRow, _ request: Request, into effects: inout Effects) {
        let session = request.session
        let number = sessions[session].nextSubscription
        sessions[session].nextSubscription = number + 1
        effects.beginReply(request)
        effects.writer.beginObject("sub", number)
        effects.writer.key("task")
        row.write(to: &effects.writer)
        effects.writer.endObject()
        effects.endReply()
        effects.beginDone(number, request.session)
        row.write(to: &effects.writer)
        effects.endEvent()
    }

    private mutating func watch(
        _ row: TaskRow,
        from next: Int,
        _ request: Request,
        into effects: inout Effects
    ) throws(WireError) {
        var object = JSONWriter(capacityBytes: 512)
        row.write(to: &object)
        let end = object.withUnsafeBytes { Array($0) }
        // No retained event has a foreign id that this run never saw.
        let id = tasks.table.id(Array(row.idText.utf8)) ?? TaskID(number: 0)
        try watch(id, end: end, from: next, request, into: &effects)
    }
}

extension Effects {
    /// Begins the event that reports the end of a task; the task object comes next.
    mutating func beginDone(_ subscription: Int, _ session: SessionID) {
        beginEvent("done", to: session)
        writer.member("sub", subscription)
        writer.key("task")
    }
}
