import PodlingProtocol

extension MasterCore {
    /// How long a worker may take between pieces of output that exists already.
    private static let answerMilliseconds: Int64 = 10_000
    /// How long it may take to end the output of an attempt that has ended.
    private static let endMilliseconds: Int64 = 5_000

    mutating func logs(_ wanted: LogsRequest, _ request: Request, into effects: inout Effects) throws(WireError) {
        guard let slot = tasks.slot(of: wanted.task) else {
            return try askForTask(.logs(wanted.selection), wanted.task, request, into: &effects)
        }
        let isWaiting = tasks[slot].status == .pending && wanted.selection.follows
        let hasRun = tasks[slot].attempt > 0 && !tasks[slot].hasNeverRun
        let attempt = tasks[slot].attempt + (isWaiting ? 1 : 0)
        if hasRun, !isWaiting { _ = try worker(of: tasks[slot].node) }
        let stream = try beginStream(
            LogStream(
                session: request.session,
                number: 0,
                slot: slot,
                attempt: isWaiting ? 0 : attempt,
                selection: wanted.selection
            ),
            attempt: attempt,
            request,
            into: &effects
        )
        touch(slot)
        tasks[slot].flags.insert(.observed)
        if hasRun, !isWaiting {
            openStreams(slot, into: &effects)
        } else if !isWaiting {
            endStream(stream, error: nil, into: &effects)
        }
    }

    /// Opens a stream of a task that ended long ago, whose worker may still have its output.
    mutating func beginLogs(
        of row: TaskRow,
        _ selection: LogSelection,
        _ request: Request,
        into effects: inout Effects
    ) throws(WireError) {
        let hasRun = row.attempt > 0 && !row.hasNeverRun
        let worker = hasRun ? try worker(of: row.nodeID.flatMap { nodes.index(of: $0) } ?? .none) : nil
        let stream = try beginStream(
            LogStream(
                session: request.session,
                number: 0,
                slot: .none,
                ended: EndedTask(row),
                attempt: row.attempt,
                selection: selection
            ),
            attempt: row.attempt,
            request,
            into: &effects
        )
        if let worker {
            openStream(stream, worker, attempt: row.attempt, into: &effects)
        } else {
            endStream(stream, error: nil, into: &effects)
        }
    }

    /// The session of the node that has a task's output.
    private func worker(of node: NodeIndex) throws(WireError) -> SessionID {
        if !node.isNone, let worker = nodes[node].session { return worker }
        throw WireError(.unavailable, "taskId: the node that has this task's output is away", field: "taskId")
    }

    /// Replies with a new subscription.
    /// - Returns: the stream number for the worker.
    private mutating func beginStream(
        _ new: LogStream,
        attempt: Int,
        _ request: Request,
        into effects: inout Effects
    ) throws(WireError) -> Int {
        let stream = streams.takeNumber()
        var new = new
        new.number = try subscribe(request.session, .logs(stream: stream))
        effects.beginReply(request)
        effects.writer.beginObject("sub", new.number)
        effects.writer.member("attempt", attempt)
        effects.writer.endObject()
        effects.endReply()
        streams.insert(new, stream)
        return stream
    }

    /// Requests the output that readers wait for from the worker of the task's attempt.
    mutating func openStreams(_ slot: TaskSlot, into effects: inout Effects) {
        let node = tasks[slot].node
        guard !node.isNone, let worker = nodes[node].session else { return }
        for stream in streams.numbers(ofTask: slot) where streams[stream]?.phase == .waiting {
            openStream(stream, worker, attempt: tasks[slot].attempt, into: &effects)
        }
    }

    private mutating func openStream(
        _ stream: Int,
        _ worker: SessionID,
        attempt: Int,
        into effects: inout Effects
    ) {
        streams.open(stream, from: worker, attempt: attempt)
        renewDeadline(stream)
        guard let open = streams[stream] else { return }
        effects.beginEvent("logs", to: worker)
        effects.writer.member("sub", stream)
        effects.writer.key("taskId")
        if let ended = open.ended {
            effects.writer.string(ended.idText)
        } else {
            tasks.table.write(tasks[open.slot].id, to: &effects.writer)
        }
        effects.writer.member("attempt", attempt)
        effects.writer.member("tail", open.selection.tail)
        effects.writer.member("follow", open.selection.follows)
        if let from = open.selection.from {
            let isSame = from.attempt == nil || from.attempt == attempt
            effects.writer.key("from")
            effects.writer.beginObject("stdout", isSame ? from.stdoutBytes : 0)
            effects.writer.member("stderr", isSame ? from.stderrBytes : 0)
            effects.writer.endObject()
        }
        effects.writer.member("window", Limits.logWindowBytes)
        effects.endEvent()
    }

    /// Whether the attempt of this stream may write more output.
    private func isLive(_ open: LogStream) -> Bool {
        !open.slot.isNone && tasks[open.slot].attempt == open.attempt && tasks[open.slot].isAssigned
    }

    /// Forwards output from a worker within its window; beyond it, output for a slow reader is dropped and counted.
    mutating func log(_ line: LogLine, _ request: Request, into effects: inout Effects) {
        let stream = line.stream
        if let open = streams[stream], open.worker == request.session {
            renewDeadline(stream)
            streams[stream]?.receivedBytes += line.outputBytes
            if mayPass(line, of: open) {
                write(line, of: open, into: &effects)
            } else {
                streams[stream]?.droppedBytes += line.outputBytes
            }
            tellTaken(stream, atLeast: Limits.logWindowBytes / 4, into: &effects)
        }
        if request.id != nil { effects.replyEmpty(request) }
    }

    /// Whether output is sent to a reader that does not keep up: only within the worker's window, and up to a bound
    /// over all streams of the session.
    private mutating func mayPass(_ line: LogLine, of open: LogStream) -> Bool {
        let session = open.session
        guard sessions[session].isBackedUp else { return true }
        guard open.receivedBytes + line.outputBytes - open.takenBytes <= Limits.logWindowBytes,
            sessions[session].aheadBytes + line.raw.count <= Limits.logAheadBytesMax
        else { return false }
        sessions[session].aheadBytes += line.raw.count
        return true
    }

    private func write(_ line: LogLine, of open: LogStream, into effects: inout Effects) {
        effects.beginEvent("log", to: open.session)
        effects.writer.member("sub", open.number)
        effects.writer.member("attempt", open.attempt)
        effects.writer.member("stream", word: line.isStderr ? "stderr" : "stdout")
        effects.writer.key(line.isBase64 ? "b64" : "text")
        effects.writer.raw(line.raw)
        effects.endEvent()
    }

    /// Acknowledges the output that a reader has taken, so that the worker sends more; never for a reader that does not
    /// keep up.
    private mutating func tellTaken(_ stream: Int, atLeast bytes: Int, into effects: inout Effects) {
        guard let open = streams[stream], let worker = open.worker, open.phase == .open, sessions.isOpen(worker),
            open.receivedBytes - open.takenBytes >= bytes, !sessions[open.session].isBackedUp
        else { return }
        streams[stream]?.takenBytes = open.receivedBytes
        effects.beginEvent("logs_taken", to: worker)
        effects.writer.member("sub", stream)
        effects.writer.member("bytes", open.receivedBytes)
        effects.endEvent()
    }

    /// Resumes the streams of readers that keep up again.
    mutating func resumeStreams(into effects: inout Effects) {
        for reader in streams.takeResumedReaders() where sessions.isOpen(reader) && !sessions[reader].isBackedUp {
            for (_, subscription) in sessions[reader].subscriptions.sorted(by: { $0.key < $1.key }) {
                guard case .logs(let stream) = subscription else { continue }
                renewDeadline(stream)
                tellTaken(stream, atLeast: 1, into: &effects)
            }
        }
    }

    mutating func logEnd(_ report: LogEndReport, _ request: Request, into effects: inout Effects) {
        if let open = streams[report.stream], open.worker == request.session {
            streams[report.stream]?.droppedBytes += report.droppedBytes
            if report.hasGap { streams[report.stream]?.hasGap = true }
            if open.selection.follows, isLive(open), report.error == nil {
                streams[report.stream]?.phase = .drained
            } else {
                endStream(report.stream, error: report.error.map { WireError(.unavailable, $0) }, into: &effects)
            }
        }
        if request.id != nil { effects.replyEmpty(request) }
    }

    /// Handles the end of an attempt: ends streams whose output is complete, and lets the others finish first.
    mutating func endStreams(_ slot: TaskSlot, into effects: inout Effects) {
        for stream in streams.numbers(ofTask: slot) {
            guard let phase = streams[stream]?.phase else { continue }
            if phase == .drained || (phase == .waiting && tasks[slot].status.isTerminal) {
                endStream(stream, error: nil, into: &effects)
            } else if phase == .open {
                streams[stream]?.deadline = now.monotonic + Self.endMilliseconds
            }
        }
    }

    /// Ends the streams of a task that is forgotten, whoever still sends its output.
    mutating func abandonStreams(_ slot: TaskSlot, into effects: inout Effects) {
        for stream in streams.numbers(ofTask: slot) {
            endStream(stream, error: WireError(.unavailable, "the task is no longer kept"), into: &effects)
        }
    }

    private mutating func renewDeadline(_ stream: Int) {
        guard let open = streams[stream] else { return }
        let isOpenEnded = open.selection.follows && isLive(open)
        streams[stream]?.deadline = isOpenEnded ? 0 : now.monotonic + Self.answerMilliseconds
    }

    /// Ends the streams whose workers do not answer.
    mutating func sweepStreams(into effects: inout Effects) {
        for stream in streams.late(now: now.monotonic) {
            // The delay is the reader's, not the worker's.
            if let reader = streams[stream]?.session, sessions[reader].isBackedUp {
                renewDeadline(stream)
                continue
            }
            let error = WireError(.unavailable, "the worker did not send this task's output in time")
            endStream(stream, error: error, into: &effects)
        }
    }

    private mutating func endStream(_ stream: Int, error: WireError?, into effects: inout Effects) {
        guard let open = streams[stream] else { return }
        effects.beginEvent("log_end", to: open.session)
        effects.writer.member("sub", open.number)
        effects.writer.member("attempt", open.attempt)
        let (status, exitCode) = end(of: open)
        // Nothing is missing of an attempt that never ran.
        let error = isEmpty(open) ? nil : error
        if !open.slot.isNone { touch(open.slot) }
        effects.writer.member("status", word: status.name)
        effects.writer.member("exitCode", ifAny: exitCode)
        effects.writer.member("dropped", open.droppedBytes)
        if open.hasGap { effects.writer.member("gap", true) }
        if let error {
            effects.writer.key("err")
            error.write(to: &effects.writer)
        }
        effects.endEvent()
        forget(open.number, of: open.session)
        streams.remove(stream)
    }

    private func isEmpty(_ open: LogStream) -> Bool {
        !open.slot.isNone && tasks[open.slot].attempt == open.attempt && tasks[open.slot].hasNeverRun
    }

    private func end(of open: LogStream) -> (TaskStatus, exitCode: Int?) {
        if let ended = open.ended { return (ended.status, ended.exitCode) }
        return (tasks[open.slot].status, tasks[open.slot].exitCode)
    }

    /// Stops a stream that its reader cancels.
    mutating func stopStream(_ stream: Int, into effects: inout Effects) {
        guard let open = streams[stream] else { return }
        streams.remove(stream)
        guard let worker = open.worker, sessions.isOpen(worker), open.phase == .open else { return }
        effects.beginEvent("logs_stop", to: worker)
        effects.writer.member("sub", stream)
        effects.endEvent()
    }

    /// Ends the streams of a worker whose connection was lost.
    mutating func loseStreams(ofWorker id: SessionID, into effects: inout Effects) {
        for stream in streams.numbers(ofWorker: id) {
            let error = WireError(.unavailable, "the connection to the worker was lost")
            endStream(stream, error: error, into: &effects)
        }
    }
}
