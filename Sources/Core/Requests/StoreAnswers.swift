import PodlingProtocol

extension MasterCore {
    /// Whether a session waits for the store: its next line is executed after the answer.
    package func isAsking(_ id: SessionID) -> Bool { sessions.isOpen(id) && sessions[id].isAsking }

    /// Leaves a request to the store.
    mutating func ask(
        _ query: StoreQuery,
        wish: TaskWish = .get,
        _ request: Request,
        importing: [ImportedTask] = [],
        into effects: inout Effects
    ) {
        let id = request.id.map { [UInt8]($0) }
        ask(
            Effects.Query(session: request.session, id: id, query: query, wish: wish, importing: importing),
            into: &effects
        )
    }

    mutating func ask(_ query: Effects.Query, into effects: inout Effects) {
        sessions[query.session].isAsking = true
        var query = query
        query.importNumber = changes.importNumber
        effects.ask(query)
    }

    /// Replies to a request that was left to the store.
    ///
    /// - Parameter page: nil if the store could not be read.
    package mutating func answer(_ asked: Effects.Query, _ page: StorePage?, into effects: inout Effects) {
        guard sessions.isOpen(asked.session) else { return }
        sessions[asked.session].isAsking = false
        sessions.acting = asked.session
        effects.isFree = asked.importing.isEmpty
        touchedKind = asked.importing.isEmpty ? .read : .change
        let written = effects.byteCount
        defer {
            sessions.acting = nil
            effects.isFree = true
            if !touched.isEmpty { markTouched(from: written, in: &effects) }
        }
        guard let id = asked.id else { return answer(asked, nil, page, into: &effects) }
        id.withUnsafeBytes { answer(asked, $0, page, into: &effects) }
    }

    private mutating func answer(
        _ asked: Effects.Query,
        _ id: UnsafeRawBufferPointer?,
        _ page: StorePage?,
        into effects: inout Effects
    ) {
        let request = RequestName(session: asked.session, id: id)
        guard let page else {
            let error = WireError(
                .unavailable,
                "the store cannot be read now",
                retryAfterMilliseconds: Standing.storeRetryMilliseconds
            )
            return effects.reply(request, error)
        }
        switch asked.query {
        case .existing: goOn(asked, request, page, into: &effects)
        case .task(let name):
            guard let row = page.tasks.first else {
                return answerWithoutTask(asked.wish, name, request, into: &effects)
            }
            answer(asked.wish, row, request, into: &effects)
        case .tasks:
            effects.beginReply(request)
            effects.writer.raw("{\"tasks\":[")
            for (index, row) in page.tasks.enumerated() {
                if index > 0 { effects.writer.byte(UInt8(ascii: ",")) }
                row.write(to: &effects.writer)
            }
            effects.writer.byte(UInt8(ascii: "]"))
            if let last = page.last {
                effects.writer.raw(",\"cursor\":")
                effects.writer.string(last.foreignID.map { "\(last.createdAt)/\($0)" } ?? last.id.text)
            }
            effects.writer.byte(UInt8(ascii: "}"))
            effects.endReply()
        case .nodes(_, let limit): answerNodes(request, page.nodes, limit, into: &effects)
        }
    }

    private func answerNodes(_ request: RequestName, _ rows: [NodeRow], _ limit: Int, into effects: inout Effects) {
        effects.beginReply(request)
        effects.writer.raw("{\"nodes\":[")
        let start = effects.writer.count
        var count = 0
        for row in rows.prefix(limit) where effects.writer.count - start < Limits.pageBytesMax {
            if count > 0 { effects.writer.byte(UInt8(ascii: ",")) }
            row.write(to: &effects.writer)
            count += 1
        }
        effects.writer.byte(UInt8(ascii: "]"))
        if count > 0, count < rows.count {
            effects.writer.raw(",\"cursor\":")
            effects.writer.string(rows[count - 1].id)
        }
        effects.writer.byte(UInt8(ascii: "}"))
        effects.endReply()
    }
}

extension TaskRow {
    /// The task object (proto-spec.md, section 5.2).
    func write(to writer: inout JSONWriter) {
        writer.raw("{\"taskId\":")
        writer.string(idText)
        writer.raw(",\"status\":\"")
        writer.raw(status.name)
        writer.raw("\",\"attempt\":")
        writer.int(attempt)
        for (name, text) in [
            (",\"nodeId\":" as StaticString, nodeID), (",\"containerId\":", containerID), (",\"error\":", error),
            (",\"detail\":", detail),
        ] {
            guard let text else { continue }
            writer.raw(name)
            writer.string(text)
        }
        if reason != .none {
            writer.raw(",\"reason\":\"")
            writer.raw(reason.name)
            writer.byte(UInt8(ascii: "\""))
        }
        if let exitCode {
            writer.raw(",\"exitCode\":")
            writer.int(exitCode)
        }
        if isCancelRequested, !status.isTerminal { writer.raw(",\"cancelRequested\":true") }
        for (name, time) in [
            (",\"createdAt\":" as StaticString, createdAt), (",\"scheduledAt\":", scheduledAt),
            (",\"startedAt\":", startedAt), (",\"finishedAt\":", finishedAt),
        ] where time != 0 {
            writer.raw(name)
            writer.timestamp(milliseconds: time)
        }
        writer.byte(UInt8(ascii: ","))
        writer.raw(spec ?? [])
        writer.byte(UInt8(ascii: "}"))
    }
}
