import Glibc
import TestSupport
import Testing

/// Real programs together, when some of them are killed.
@Suite(.serialized, .timeLimit(.minutes(10))) struct FailureTests {
    /// kill -9 of the worker with ten tasks, of which half end while it is away.
    private func adopts(_ engine: IntegrationEngine) async throws {
        try await onThread {
            let master = try MasterProcess(["--heartbeat", "1", "--lease", "120"])
            let scratch = try Scratch()
            let node = try WorkerNode(engine, master)
            let first = try node.start()
            let peer = try Peer(master)
            let tasks = try (0..<10).map { try GatedTask(peer, engine, scratch, code: $0) }
            for task in tasks {
                try peer.awaitStatus(task.taskId, "running")
                try task.awaitStart(attempt: 1)
            }
            let instance = try peer.node(node.nodeId)?["instance"]
            first.signal(SIGKILL)
            #expect(first.wait(deadline: .after(seconds: 30)) == .signalled(SIGKILL))
            for task in tasks.prefix(5) {
                try task.release(attempt: 1)
                try task.awaitGone(attempt: 1)
            }
            let second = try node.start()
            try peer.awaitNode(node.nodeId) { $0["instance"] != instance && $0["status"]?.text == "online" }
            for task in tasks.dropFirst(5) {
                #expect(try task.isAlive(attempt: 1))
                try task.release(attempt: 1)
            }
            for task in tasks {
                let end = try peer.awaitEnd(task.taskId)
                #expect(end["exitCode"]?.int == task.code)
                #expect(end["status"]?.text == (task.code == 0 ? "completed" : "failed"))
                #expect(end["attempt"]?.int == 1)
                #expect(try task.starts(attempt: 1) == 1)
            }
            if engine != .process { #expect(try node.containers().count == tasks.count) }
            #expect(second.terminate() == .exited(0))
            #expect(master.terminate() == .exited(0))
        }
    }

    @Test func aKilledWorkerAdoptsItsProcesses() async throws { try await adopts(.process) }

    @Test(
        .enabled(if: !IntegrationEngine.containers.isEmpty, IntegrationEngine.skipMessage),
        arguments: IntegrationEngine.containers
    )
    func aKilledWorkerAdoptsItsContainers(engine: IntegrationEngine) async throws { try await adopts(engine) }

    /// kill -9 of the master, which loses everything: the worker reconnects, ends unknown attempts, and continues.
    private func carriesOn(_ engine: IntegrationEngine) async throws {
        try await onThread {
            let first = try MasterProcess(["--heartbeat", "0.5", "--lease", "20"])
            let scratch = try Scratch()
            let node = try WorkerNode(engine, first)
            let worker = try node.start()
            let peer = try Peer(first)
            let forgotten = try (0..<2).map { try GatedTask(peer, engine, scratch, code: $0) }
            for task in forgotten { try task.awaitStart(attempt: 1) }
            first.process.signal(SIGKILL)
            #expect(first.process.wait(deadline: .after(seconds: 30)) == .signalled(SIGKILL))

            let second = try MasterProcess(["--listen", first.address])
            #expect(second.address == first.address)
            let again = try Peer(second)
            try again.awaitNode(node.nodeId) { $0["status"]?.text == "online" }
            for task in forgotten { try task.awaitGone(attempt: 1) }
            let new = try GatedTask(again, engine, scratch, code: 7)
            try new.awaitStart(attempt: 1)
            try new.release(attempt: 1)
            let end = try again.awaitEnd(new.taskId)
            #expect(end["exitCode"]?.int == 7)
            #expect(end["attempt"]?.int == 1)
            if engine != .process {
                let left = try Deadline.after(seconds: 60).poll { try node.containers().count == 1 ? true : nil }
                #expect(left == true, "containers that the new master does not know are removed")
            }
            #expect(worker.terminate() == .exited(0))
        }
    }

    @Test func theWorkerOutlivesItsMasterWithProcesses() async throws { try await carriesOn(.process) }

    @Test(
        .enabled(if: !IntegrationEngine.containers.isEmpty, IntegrationEngine.skipMessage),
        arguments: IntegrationEngine.containers
    )
    func theWorkerOutlivesItsMasterWithContainers(engine: IntegrationEngine) async throws {
        try await carriesOn(engine)
    }

    /// A worker stopped past its lease: the tasks run elsewhere, and what it still has is ended when it is back.
    private func isFenced(_ engine: IntegrationEngine) async throws {
        try await onThread {
            let master = try MasterProcess(["--heartbeat", "0.5", "--lease", "2"])
            let scratch = try Scratch()
            let cutOff = try WorkerNode(engine, master)
            let other = try WorkerNode(engine, master)
            let worker = try cutOff.start()
            let peer = try Peer(master)
            let late = try GatedTask(peer, engine, scratch, code: 3)
            let endless = try GatedTask(peer, engine, scratch, code: 4)
            for task in [late, endless] {
                try peer.awaitStatus(task.taskId, "running")
                try task.awaitStart(attempt: 1)
            }
            let replacement = try other.start()
            try peer.awaitNode(other.nodeId) { $0["status"]?.text == "online" }
            worker.signal(SIGSTOP)
            // Its end is what the worker reports too late.
            try late.release(attempt: 1)
            for task in [late, endless] {
                let moved = try peer.awaitTask(task.taskId) {
                    $0["attempt"]?.int == 2 && $0["status"]?.text == "running"
                }
                #expect(moved["nodeId"]?.text == other.nodeId)
                try task.awaitStart(attempt: 2)
            }
            #expect(try endless.isAlive(attempt: 1))
            worker.signal(SIGCONT)
            try endless.awaitGone(attempt: 1)
            try peer.awaitNode(cutOff.nodeId) { $0["status"]?.text == "online" && $0["used"]?.int == 0 }
            for task in [late, endless] {
                #expect(try task.isAlive(attempt: 2))
                try task.release(attempt: 2)
                let end = try peer.awaitEnd(task.taskId)
                #expect(end["exitCode"]?.int == task.code)
                #expect(end["attempt"]?.int == 2)
                #expect(end["nodeId"]?.text == other.nodeId)
            }
            #expect(worker.terminate() == .exited(0))
            #expect(replacement.terminate() == .exited(0))
        }
    }

    @Test func aWorkerCutOffIsFencedWithProcesses() async throws { try await isFenced(.process) }

    @Test(
        .enabled(if: !IntegrationEngine.containers.isEmpty, IntegrationEngine.skipMessage),
        arguments: IntegrationEngine.containers
    )
    func aWorkerCutOffIsFencedWithContainers(engine: IntegrationEngine) async throws { try await isFenced(engine) }
}
