import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// Exports and imports that do not come to their end, and tasks that run meanwhile.
@Suite(.serialized, .timeLimit(.minutes(10))) struct MovingFaultTests {
    /// A pipe that stays open keeps the import under way for as long as the test wants.
    @Test func anInterruptedImportIsRunAgain() async throws {
        try await onThread {
            let (source, target) = (try MovingPlace(), try MovingPlace())
            try MovingTasks.fill(source, MovingTasks.make(3_000))
            _ = try source.exported()
            let file = source.scratch.file("all.ndjson")
            let pipe = source.scratch.file("pipe")
            #expect(mkfifo(pipe, 0o600) == 0)
            let program = try target.start(["import", pipe])
            let writer = open(pipe, O_WRONLY)
            #expect(writer >= 0)
            defer { close(writer) }
            let half = Array(try String(contentsOfFile: file, encoding: .utf8).utf8.prefix(300_000))
            let written = half.withUnsafeBytes { write(writer, $0.baseAddress, $0.count) }
            #expect(written == half.count)
            let peer = try Peer(target.master)
            let isUnderWay = Deadline.after(seconds: 60).poll {
                (try? peer.request("list", #""limit":1"#)["tasks"]?.elements.isEmpty) == false ? true : nil
            }
            #expect(isUnderWay == true)
            program.signal(SIGINT)
            #expect(program.wait(deadline: .after(seconds: 30)) == .exited(130), "\(program.output)")
            #expect(program.output.contains("the tasks up to line"), "\(program.output)")
            let said = try target.client(["import", file])
            #expect(!said.hasPrefix("3000") && said.hasSuffix("0 in conflict\n"), "\(said)")
            #expect(Set(try target.exported()) == Set(try source.exported()))
            source.end()
            target.end()
        }
    }

    @Test func aStreamThatIsCutTellsWhatWasTaken() async throws {
        try await onThread {
            let target = try MovingPlace()
            let tasks = MovingTasks.make(1_200).joined(separator: "\n")
            let path = target.scratch.file("cut.ndjson")
            try MovingFiles.write(tasks, path)
            let shell = #"cat "$1" | "$0" import -"#
            let client = ProductsDirectory.program("podling-client")
            let said = try Tool.output(
                "sh",
                ["-c", shell, client, path],
                environment: ["PODLING_MASTER": target.master.address],
                endsWith: .exited(1)
            )
            #expect(said.contains("was cut short; the tasks up to line 1200 were taken"), "\(said)")
            target.end()
        }
    }

    @Test func anExportThatFailsLeavesNoFile() async throws {
        try await onThread {
            let source = try MovingPlace()
            try MovingTasks.fill(source, MovingTasks.make(100))
            let folder = source.scratch.file("out")
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
            try MovingFiles.write("before\n", folder + "/all.ndjson")
            // Held up between its pages, as by a slow master.
            source.master.process.signal(SIGSTOP)
            let program = try source.start(["export", "--output-file", folder + "/all.ndjson"])
            let hasPart = Deadline.after(seconds: 30).poll {
                (try? FileManager.default.contentsOfDirectory(atPath: folder).count) == 2 ? true : nil
            }
            #expect(hasPart == true)
            program.signal(SIGINT)
            #expect(program.wait(deadline: .after(seconds: 30)) == .exited(130), "\(program.output)")
            source.master.process.signal(SIGCONT)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["all.ndjson"])
            #expect(try MovingFiles.lines(folder + "/all.ndjson") == ["before"])
            source.end()
        }
    }

    /// kill -9 of the new master in the middle: what it acknowledged is there, and the same import continues.
    @Test(.enabled(if: MovingTests.hasDatabase, MovingTests.skipMessage)) func aMasterThatIsKilledLosesNothing()
        async throws
    {
        try await onThread {
            let target = try MovingPlace(.postgres)
            let tasks = MovingTasks.make(20_000)
            let path = target.scratch.file("given.ndjson")
            try MovingFiles.write(tasks.joined(separator: "\n") + "\n", path)
            let program = try target.start(["import", "--no-trailer", path])
            let peer = try Peer(target.master)
            let isUnderWay = Deadline.after(seconds: 60).poll {
                (try? peer.request("list", #""limit":1"#)["tasks"]?.elements.isEmpty) == false ? true : nil
            }
            #expect(isUnderWay == true)
            target.master.process.signal(SIGKILL)
            _ = target.master.process.wait(deadline: .after(seconds: 10))
            let again = try MovingPlace(again: target, on: target.master.address)
            #expect(program.wait(deadline: .after(seconds: 60)) == .exited(1), "\(program.output)")
            #expect(program.output.contains("run the same import again"), "\(program.output)")
            let there = try again.exported().count
            #expect(there < tasks.count)
            let said = try again.client(["import", "--no-trailer", path])
            #expect(said == "\(tasks.count - there) imported, \(there) already here, 0 in conflict\n")
            #expect(Set(try again.exported()) == Set(tasks))
            again.end()
        }
    }

    /// Three clients with the same file, most of which the master does not hold: each task is taken once.
    @Test(.enabled(if: MovingTests.hasDatabase, MovingTests.skipMessage)) func manyAtATimeTakeEachTaskOnce()
        async throws
    {
        try await onThread {
            let target = try MovingPlace(.postgres, ["--retain-finished-count", "50"])
            let tasks = MovingTasks.make(4_000)
            let path = target.scratch.file("given.ndjson")
            try MovingFiles.write(tasks.joined(separator: "\n") + "\n", path)
            let programs = try (0..<3).map { _ in try target.start(["import", "--no-trailer", path]) }
            var imported = 0
            for program in programs {
                #expect(program.wait(deadline: .after(seconds: 120)) == .exited(0), "\(program.output)")
                #expect(program.output.hasSuffix(" 0 in conflict\n"), "\(program.output)")
                imported += Int(program.output.prefix { $0.isNumber }) ?? 0
            }
            #expect(imported == tasks.count)
            #expect(Set(try target.exported()) == Set(tasks))
            target.end()
        }
    }

    /// A worker that is given both masters goes over with what it runs.
    @Test func whatRunsGoesOnUnderTheNewMaster() async throws {
        try await onThread {
            let lease = ["--heartbeat", "0.5", "--lease", "20"]
            let (source, target) = (try MovingPlace(.memory, lease), try MovingPlace(.memory, lease))
            let node = try WorkerNode(.process, source.master, target.master)
            let worker = try node.start()
            let peer = try Peer(source.master)
            let tasks = try (0..<3).map { try GatedTask(peer, .process, source.scratch, code: $0) }
            for task in tasks { try peer.awaitStatus(task.taskId, "running") }
            _ = try source.exported()
            #expect(try target.client(["import", source.scratch.file("all.ndjson")]).hasPrefix("3 imported"))
            source.end()
            let again = try Peer(target.master)
            try again.awaitNode(node.nodeId) { $0["status"]?.text == "online" }
            for task in tasks {
                #expect(try again.task(task.taskId)["status"]?.text == "running")
                try task.release(attempt: 1)
                let end = try again.awaitEnd(task.taskId)
                #expect(end["attempt"]?.int == 1 && end["exitCode"]?.int == task.code, "\(end)")
                #expect(try task.starts(attempt: 1) == 1)
            }
            #expect(worker.terminate() == .exited(0))
            target.end()
        }
    }
}
