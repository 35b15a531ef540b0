import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// `podling-client export` and `import` between real masters.
@Suite(.serialized, .timeLimit(.minutes(5))) struct MovingTests {
    static let hasDatabase = ProcessInfo.processInfo.environment["TEST_DATABASE_URL"] != nil
    private static let skipMessage: Comment = "TEST_DATABASE_URL is not set"

    /// Where a master keeps its tasks.
    enum Store: String, CaseIterable {
        case memory, postgres
    }

    /// A master with its store, and a folder for files.
    private struct Place {
        let master: MasterProcess
        let database: TestDatabase?
        let scratch: Scratch

        init(_ store: Store = .memory, _ arguments: [String] = [], http: Bool = false) throws {
            database = store == .postgres ? try TestDatabase() : nil
            master = try MasterProcess(arguments, environment: database?.environment ?? [:], http: http)
            scratch = try Scratch()
        }

        init(again other: Place) throws {
            database = other.database
            master = try MasterProcess([], environment: other.database?.environment ?? [:])
            scratch = other.scratch
        }

        func start(_ arguments: [String]) throws -> ProgramProcess {
            let environment = ["PODLING_MASTER": master.address]
            return try ProgramProcess(ProductsDirectory.program("podling-client"), arguments, environment: environment)
        }

        /// What the client printed, once it ended with `status`.
        @discardableResult
        func client(_ arguments: [String], status: Int32 = 0) throws -> String {
            let program = try start(arguments)
            let ending = program.wait(deadline: .after(seconds: 120))
            guard ending == .exited(status) else {
                throw TestSupportError("\(arguments) ended with \(String(describing: ending)): \(program.output)")
            }
            return program.output
        }

        /// The lines of an export, without the trailer.
        func exported(_ name: String = "all.ndjson", _ more: [String] = []) throws -> [String] {
            let path = scratch.file(name)
            try client(["export", "--output-file", path] + more)
            return Array(try Files.lines(path).dropLast())
        }

        func end() { #expect(master.terminate() == .exited(0)) }
    }

    private enum Files {
        static func lines(_ path: String) throws -> [String] {
            try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
        }

        static func write(_ text: String, _ path: String) throws {
            try text.write(toFile: path, atomically: false, encoding: .utf8)
        }
    }

    /// Task objects as an export has them, of all sorts.
    private static func tasks(_ count: Int) -> [String] {
        let day = "2026-01-02T03:04"
        return (0..<count).map { number in
            let seconds = 10 + number % 50
            let id = number % 10 == 9 ? "legacy/\(number) ä" : "t0000\(8 * 10_000_000 + number)"
            let state =
                switch number % 4 {
                case 0: #""status":"pending","attempt":0,"createdAt":"\#(day):\#(seconds).000Z""#
                case 1:
                    #""status":"completed","attempt":1,"nodeId":"n\#(number % 7)","exitCode":0,"createdAt":"\#(day):\#(seconds).123Z""#
                        + #","scheduledAt":"\#(day):\#(seconds).456Z","startedAt":"\#(day):\#(seconds).789Z","finishedAt":"\#(day):\#(seconds).999Z""#
                case 2:
                    #""status":"failed","attempt":3,"error":"line\n\"two\" \\ é","reason":"exit_code","exitCode":\#(1 + number % 200)"#
                        + #","createdAt":"\#(day):\#(seconds).000Z","finishedAt":"2026-01-02T04:04:05.000Z""#
                default:
                    #""status":"cancelled","attempt":0,"reason":"cancelled","createdAt":"\#(day):\#(seconds).000Z""#
                        + #","finishedAt":"2026-01-02T04:04:05.000Z""#
                }
            // What cannot be a container's name would fail as soon as it is imported.
            let taskId =
                state.contains("pending") ? id.replacing("legacy/", with: "old-").replacing(" ä", with: "") : id
            let name = taskId.hasPrefix("legacy") ? "My Töb" : "a"
            return
                #"{"taskId":"\#(taskId)",\#(state),"name":"\#(name)","image":"busybox","env":{"N":"\#(number) \"q\""}}"#
        }
    }

    private static func fill(_ place: Place, _ tasks: [String]) throws {
        let path = place.scratch.file("fill.ndjson")
        try Files.write(tasks.joined(separator: "\n") + "\n", path)
        let said = try place.client(["import", "--no-trailer", path])
        #expect(said == "\(tasks.count) imported, 0 already here, 0 in conflict\n")
    }

    // MARK: From store to store

    @Test(
        .enabled(if: hasDatabase, skipMessage),
        arguments: [
            (Store.memory, Store.postgres), (.postgres, .postgres), (.postgres, .memory),
        ]
    ) func everyTaskArrivesAsItWas(from: Store, to: Store) async throws {
        try await onThread {
            let (source, target) = (try Place(from), try Place(to))
            let tasks = Self.tasks(2_000)
            try Self.fill(source, tasks)
            let exported = try source.exported()
            #expect(Set(exported) == Set(tasks))
            let file = source.scratch.file("all.ndjson")
            #expect(try target.client(["import", file]) == "2000 imported, 0 already here, 0 in conflict\n")
            #expect(Set(try target.exported()) == Set(tasks))
            #expect(try target.client(["import", file]) == "0 imported, 2000 already here, 0 in conflict\n")
            // After a restart of the target the database knows them still.
            if to == .postgres {
                target.end()
                let again = try Place(again: target)
                #expect(Set(try again.exported()) == Set(tasks))
                #expect(try again.client(["import", file]) == "0 imported, 2000 already here, 0 in conflict\n")
                again.end()
            } else {
                target.end()
            }
            source.end()
        }
    }

    @Test(arguments: Store.allCases) func twentyThousand(store: Store) async throws {
        guard store == .memory || Self.hasDatabase else { return }
        try await onThread {
            let source = try Place()
            let tasks = Self.tasks(20_000)
            try Self.fill(source, tasks)
            let target = try Place(store)
            #expect(Set(try source.exported()) == Set(tasks))
            try target.client(["import", source.scratch.file("all.ndjson")])
            #expect(Set(try target.exported()) == Set(tasks))
            source.end()
            target.end()
        }
    }

    /// More ended tasks than the master holds are in the database, and found there.
    @Test(.enabled(if: hasDatabase, skipMessage)) func historyGoesWithThem() async throws {
        try await onThread {
            let target = try Place(.postgres, ["--retain-finished-count", "50"])
            let tasks = Self.tasks(1_000)
            try Self.fill(target, tasks)
            #expect(Set(try target.exported()) == Set(tasks))
            target.end()
        }
    }

    @Test func statusNarrows() async throws {
        try await onThread {
            let source = try Place()
            let tasks = Self.tasks(40)
            try Self.fill(source, tasks)
            let some = try source.exported("some.ndjson", ["--status", "failed", "--status", "pending"])
            #expect(Set(some) == Set(tasks.filter { $0.contains(#""failed""#) || $0.contains(#""pending""#) }))
            _ = try source.client(["export", "--status", "done"], status: 64)
            source.end()
        }
    }

    @Test func theArrayOfCurlIsTaken() async throws {
        try await onThread {
            let (source, target) = (try Place(http: true), try Place())
            let tasks = Self.tasks(500)
            try Self.fill(source, tasks)
            let http = try source.master.process.readyValue("http")
            let path = source.scratch.file("tasks.json")
            _ = try Tool.output("curl", ["-sS", "-o", path, "http://\(http)/api/v1/tasks"])
            #expect(try target.client(["import", path]) == "500 imported, 0 already here, 0 in conflict\n")
            #expect(Set(try target.exported()) == Set(tasks))
            // Cut short, and laid out for people.
            let text = try String(contentsOfFile: path, encoding: .utf8)
            try Files.write(String(text.dropLast(20)), source.scratch.file("cut.json"))
            let cut = try target.client(["import", source.scratch.file("cut.json")], status: 1)
            #expect(cut.contains("cut short"), "\(cut)")
            let laidOut = try Tool.output("python3", ["-m", "json.tool", path])
            try Files.write(laidOut, source.scratch.file("laid-out.json"))
            let said = try target.client(["import", source.scratch.file("laid-out.json")])
            // Its env is the same, and not the same bytes.
            #expect(said.hasPrefix("0 imported, 500 already here"), "\(said)")
            source.end()
            target.end()
        }
    }

    // MARK: Files that are not as they should be

    @Test func aFileThatIsCutOrDamagedTakesNothing() async throws {
        try await onThread {
            let (source, target) = (try Place(), try Place())
            try Self.fill(source, Self.tasks(300))
            let lines = try source.exported() + [try #require(try Files.lines(source.scratch.file("all.ndjson")).last)]
            func refused(_ lines: [String], _ words: String) throws {
                let path = source.scratch.file("bad.ndjson")
                try Files.write(lines.joined(separator: "\n") + "\n", path)
                for arguments in [["import", path], ["import", "--dry-run", path]] {
                    let said = try target.client(arguments, status: 1)
                    #expect(said.contains(words) && said.contains("nothing was taken"), "\(said)")
                }
                #expect(try target.exported().isEmpty)
            }
            try refused(Array(lines.dropLast()), "without the trailer")
            try refused(Array(lines.dropFirst()), "has 299 tasks, and its trailer says 300")
            var flipped = lines
            flipped[7] = flipped[7].replacing("busybox", with: "busybpx")
            try refused(flipped, "its checksum is not that of its trailer")
            var swapped = lines
            swapped.swapAt(3, 4)
            try refused(swapped, "its checksum is not that of its trailer")
            try refused(lines + [lines[0]], "more after the trailer")
            source.end()
            target.end()
        }
    }

    @Test func aTaskThatBreaksARuleIsNamedByItsLine() async throws {
        try await onThread {
            let target = try Place()
            var tasks = Self.tasks(10)
            tasks[3] = tasks[3].replacing("cancelled\",\"attempt", with: "paused\",\"attempt")
            tasks[5] = "{no json"
            // Only the master knows that this is of the future.
            tasks[6] = tasks[6].replacing("2026-01-02T03", with: "9026-01-02T03")
            let path = target.scratch.file("bad.ndjson")
            try Files.write(tasks.joined(separator: "\n") + "\n", path)
            let said = try target.client(["import", "--no-trailer", path], status: 1)
            #expect(said.contains("line 4: status: must be") && said.contains("line 6: no task:"), "\(said)")
            #expect(try target.exported().isEmpty)
            let skipped = try target.client(["import", "--no-trailer", "--skip-invalid", path])
            #expect(skipped.contains("line 7: createdAt: is more than a day ahead"), "\(skipped)")
            #expect(skipped.contains("7 imported, 0 already here, 0 in conflict, 3 left out"), "\(skipped)")
            target.end()
        }
    }

    @Test func aConflictIsToldAndLeftAsItIs() async throws {
        try await onThread {
            let target = try Place()
            var tasks = Self.tasks(20)
            try Self.fill(target, tasks)
            let before = try target.exported()
            tasks[2] = tasks[2].replacing("exit_code", with: "oom_killed")
            let path = target.scratch.file("other.ndjson")
            try Files.write(tasks.joined(separator: "\n") + "\n", path)
            let said = try target.client(["import", "--no-trailer", path], status: 1)
            #expect(said.contains("line 3: t0000") && said.contains("reason: is another here"), "\(said)")
            #expect(said.contains("0 imported, 19 already here, 1 in conflict"), "\(said)")
            #expect(try target.exported() == before)
            target.end()
        }
    }

    // MARK: Interrupts

    /// A pipe that stays open keeps the import under way for as long as the test wants.
    @Test func anInterruptedImportIsRunAgain() async throws {
        try await onThread {
            let (source, target) = (try Place(), try Place())
            try Self.fill(source, Self.tasks(3_000))
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
            let target = try Place()
            let tasks = Self.tasks(1_200).joined(separator: "\n")
            let path = target.scratch.file("cut.ndjson")
            try Files.write(tasks, path)
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
            let source = try Place()
            try Self.fill(source, Self.tasks(100))
            let folder = source.scratch.file("out")
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
            try Files.write("before\n", folder + "/all.ndjson")
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
            #expect(try Files.lines(folder + "/all.ndjson") == ["before"])
            source.end()
        }
    }

    /// What people do by hand to see that a file is whole.
    @Test func theChecksumIsThatOfSha256sum() async throws {
        try await onThread {
            let source = try Place()
            try Self.fill(source, Self.tasks(50))
            _ = try source.exported()
            let path = source.scratch.file("all.ndjson")
            let sum = try Tool.output("sh", ["-c", "head -n -1 \"$0\" | sha256sum | cut -d' ' -f1", path])
            let trailer = try JSON(parsing: Array(try #require(try Files.lines(path).last).utf8))
            #expect(trailer["export"]?["sha256"]?.text == String(sum.dropLast()))
            #expect(trailer["export"]?["count"]?.int == 50)
            source.end()
        }
    }
}
