import PodlingCore
import PodlingProtocol
import PodlingStore
import Testing

extension StoreBench {
    func tasksComeBackWhole() async throws {
        let store = try await leader()
        var ended = row(3, .failed)
        (ended.reason, ended.exitCode, ended.error, ended.detail) = (.exitCode, 3, #"a "quoted" \ {error},NULL"#, "")
        (ended.startedAt, ended.finishedAt, ended.containerID) = (now + 2, now + 3_000, "c1")
        (ended.isCancelRequested, ended.unchargedAttempts, ended.rejections) = (true, 1, 2)
        var imported = TaskRow(foreignID: #"it's "{a},\ ä"#, createdAt: now)
        (imported.status, imported.spec, imported.importedAt) = (.completed, row(1).spec, now + 5)
        let rows = [imported, row(1), row(2, .running), ended]
        try await commit(store, Self.batch(rows))
        await close(store, answers: 1)
        #expect(try await loaded().tasks == kept(rows))
    }

    func theLastVersionCounts() async throws {
        let store = try await leader()
        try await commit(store, Self.batch([row(1), row(2), row(3)]))
        try await commit(store, Self.batch([change(row(2, .running))]))
        // These wait together, and may become one.
        _ = begin(store, Self.batch([change(row(3, .scheduled)), row(4)]))
        _ = begin(store, Self.batch([change(row(3, .running)), change(row(4, .scheduled))]))
        var ended = row(3, .completed)
        (ended.exitCode, ended.finishedAt) = (0, now + 9)
        _ = begin(store, Self.batch([change(ended)]))
        for answer in await store.answers(promises.keepsRows ? 3 : 0) { try answer.result.get() }
        await close(store, answers: 5)
        #expect(try await loaded().tasks == kept([row(1), row(2, .running), ended, row(4, .scheduled)]))
    }

    /// As where the answer to a commit was lost.
    func aNewRowThatIsThereAlreadyIsAChange() async throws {
        let store = try await leader()
        try await commit(store, Self.batch([row(1)]))
        try await commit(store, Self.batch([row(1, .running), row(2)]))
        await close(store, answers: 2)
        #expect(try await loaded().tasks == kept([row(1, .running), row(2)]))
    }

    func anOlderAttemptChangesNothing() async throws {
        let store = try await leader()
        try await commit(store, Self.batch([row(1, .running)]))
        try await commit(store, Self.batch([change(row(1))]))
        await close(store, answers: 2)
        #expect(try await loaded().tasks == kept([row(1, .running)]))
    }

    func nodesComeBackWhole() async throws {
        let store = try await leader()
        let bare = NodeRow(id: "bare")
        var hindered = node("hindered")
        hindered.engineError = "the engine does not answer"
        try await commit(store, Self.batch([], nodes: [node("a"), node("b"), node("gone"), bare, hindered]))
        var later = node("b")
        (later.isDraining, later.isOnline, later.labels, later.engine, later.cpuMillis) = (false, false, [:], nil, nil)
        try await commit(store, Self.batch([], nodes: [later], removed: ["gone", "never there"]))
        await close(store, answers: 2)
        #expect(try await loaded().nodes.sorted { $0.id < $1.id } == kept([node("a"), later, bare, node("hindered")]))
    }

    func nodesAreLoadedBeforeTasksInOrder() async throws {
        let store = try await leader()
        let ids: [UInt64] = [9, 1, 1 << 40, 5]
        try await commit(store, Self.batch(ids.map { row($0) }, nodes: [node("a"), node("b")]))
        await close(store, answers: 1)
        let loaded = try await loaded()
        #expect(loaded.isNodesFirst)
        #expect(loaded.nodes.count == kept(["a", "b"]).count)
        #expect(loaded.tasks.map(\.id.number) == kept(ids.sorted()))
        #expect(loaded.lastTaskID == (promises.keepsRows ? TaskID(number: 1 << 40) : nil))
    }

    func ofEndedTasksTheLastAreLoaded() async throws {
        let store = try await leader()
        let rows = (1...UInt64(10)).map { number in
            var row = row(number, number == 2 ? .running : .completed)
            if number != 2 { row.finishedAt = now + Int64(number) }
            return row
        }
        try await commit(store, Self.batch(rows))
        await close(store, answers: 1)
        let loaded = try await loaded(heldMax: 3)
        #expect(loaded.tasks.map(\.id.number) == kept([2, 8, 9, 10]))
        #expect(loaded.lastTaskID == (promises.keepsRows ? rows[9].id : nil))
        // Of the others, the master does not know; it asks the store.
        let next = try await leader(heldMax: 3)
        #expect(try await readTasks(next, .task(id: rows[0].id.text)) == kept([rows[0]]))
        await next.close()
    }
}
