import PodlingProtocol

extension MasterCore {
    /// Whether a session waits for the store: its next line is executed after the answer.
    package func isAsking(_ id: SessionID) -> Bool { sessions.isOpen(id) && sessions[id].isAsking }

    /// Leaves a request to the store.
    mutating func ask(
        _ query: StoreQuery,
        operation: TaskOperation = .get,
        _ request: Request,
        importing: [ImportedTask] = [],
        into effects: inout Effects
    ) {
        let id = request.id.map { [UInt8]($0) }
        ask(
            Effects.Query(session: request.session, id: id, query: query, operation: operation, importing: importing),
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
        sessions.beginActing(asked.session)
        effects.isFree = asked.importing.isEmpty
        touchedKind = asked.importing.isEmpty ? .read : .change
        let written = effects.byteCount
        defer {
            sessions.endActing()
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
        let request = Request(session: asked.session, id: id)
        guard let page else {
            let error = WireError(
                .unavailable,
                "the store cannot be read now",
                retryAfterMilliseconds: MasterState.storeRetryMilliseconds
            )
            return effects.reply(request, error)
        }
        switch asked.query {
        case .existing: goOn(asked, request, page, into: &effects)
        case .task(let name):
            guard let row = page.tasks.first else {
                return answerWithoutTask(asked.operation, name, request, into: &effects)
            }
            answer(asked.operation, row, request, into: &effects)
        case .tasks:
            effects.beginPage(request, of: "tasks")
            for (index, row) in page.tasks.enumerated() {
                effects.writer.comma(before: index)
                row.write(to: &effects.writer)
            }
            effects.endPage(cursor: page.last.map { TaskCursor($0).pageText })
        case .nodes(_, let limit): effects.replyPage(request, page.nodes, limit: limit)
        }
    }
}
