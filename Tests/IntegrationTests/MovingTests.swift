import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// `podling-client export` and `import` between real masters.
@Suite(.serialized, .timeLimit(.minutes(10))) struct MovingTests {
    static let hasDatabase = ProcessInfo.processInfo.environment["TEST_DATABASE_URL"] != nil
    static let skipMessage: Comment = "TEST_DATABASE_URL is not set"

    // MARK: From store to store

    @Test(
        .enabled(if: hasDatabase, skipMessage),
        arguments: [
            (MovingStore.memory, MovingStore.postgres), (.postgres, .postgres), (.postgres, .memory),
        ]
    ) func everyTaskArrivesAsItWas(from: MovingStore, to: MovingStore) async throws {
        try await onThread {
            let (source, target) = (try MovingPlace(from), try MovingPlace(to))
            let tasks = MovingTasks.make(2_000)
            try MovingTasks.fill(source, tasks)
            let exported = try source.exported()
            #expect(Set(exported) == Set(tasks))
            let file = source.scratch.file("all.ndjson")
            #expect(try target.client(["import", file]) == "2000 imported, 0 already here, 0 in conflict\n")
            #expect(Set(try target.exported()) == Set(tasks))
            #expect(try target.client(["import", file]) == "0 imported, 2000 already here, 0 in conflict\n")
            // After a restart of the target the database knows them still.
            if to == .postgres {
                target.end()
                let again = try MovingPlace(again: target)
                #expect(Set(try again.exported()) == Set(tasks))
                #expect(try again.client(["import", file]) == "0 imported, 2000 already here, 0 in conflict\n")
                again.end()
            } else {
                target.end()
            }
            source.end()
        }
    }

    @Test(arguments: MovingStore.allCases) func twentyThousand(store: MovingStore) async throws {
        guard store == .memory || Self.hasDatabase else { return }
        try await onThread {
            let source = try MovingPlace()
            let tasks = MovingTasks.make(20_000)
            try MovingTasks.fill(source, tasks)
            let target = try MovingPlace(store)
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
            let target = try MovingPlace(.postgres, ["--retain-finished-count", "50"])
            let tasks = MovingTasks.make(1_000)
            try MovingTasks.fill(target, tasks)
            #expect(Set(try target.exported()) == Set(tasks))
            target.end()
        }
    }

    /// At every bound at once: what is accepted, a database can keep.
    @Test(.enabled(if: hasDatabase, skipMessage)) func theLargestAndTheOddestAreKept() async throws {
        try await onThread {
            let (first, second) = (try MovingPlace(.postgres), try MovingPlace())
            let wide = String(repeating: "\u{1F980}", count: 255)
            let time = "2026-01-02T03:04:05.678Z"
            let times = #""createdAt":"1970-01-01T00:00:00.001Z","scheduledAt":"\#(time)","finishedAt":"\#(time)""#
            let words = String(repeating: "e\\u0007", count: 512)
            let env = (0..<1_000).map { #""A B \#($0)":"\\u0000\#(String(repeating: "v", count: 40))""# }.joined(
                separator: ","
            )
            let odd =
                #"{"taskId":"\#(wide)","status":"failed","attempt":1000000,"nodeId":"\#(wide)","containerId":"\#(wide)","#
                + #""error":"\#(words)","detail":"d","reason":"lost_too_often","exitCode":-2147483648,\#(times),"#
                + #""name":"\#(wide)","image":"\#(wide)","env":{\#(env)}}"#
            let quotes = odd.replacing(#""taskId":"\#(wide)""#, with: #""taskId":"{\"','\\\\}; DROP TABLE tasks --""#)
            // As a database may have them that another program made.
            let strange = [#"{"A":1e300,"B":null,"C":[{"d":true}]}"#, #"[1,"x"]"#, #""words""#].enumerated().map {
                #"{"taskId":"strange-\#($0)","status":"completed","attempt":1,"createdAt":"1812-06-24T00:00:00.000Z","#
                    + #""finishedAt":"1969-12-31T23:59:59.999Z","name":"a","image":"b","env":\#($1)}"#
            }
            let all = [odd, quotes] + strange
            try MovingTasks.fill(first, all)
            let exported = try first.exported()
            #expect(Set(exported) == Set(all))
            try second.client(["import", first.scratch.file("all.ndjson")])
            #expect(Set(try second.exported()) == Set(all))
            let tooLong = odd.replacing(#""name":"\#(wide)"#, with: #""name":"x\#(wide)"#)
            try MovingFiles.write(tooLong, first.scratch.file("long.ndjson"))
            let said = try first.client(["import", "--no-trailer", first.scratch.file("long.ndjson")], status: 1)
            #expect(said.contains("line 1: name: "), "\(said)")
            first.end()
            second.end()
        }
    }

    @Test func statusNarrows() async throws {
        try await onThread {
            let source = try MovingPlace()
            let tasks = MovingTasks.make(40)
            try MovingTasks.fill(source, tasks)
            let some = try source.exported("some.ndjson", ["--status", "failed", "--status", "pending"])
            #expect(Set(some) == Set(tasks.filter { $0.contains(#""failed""#) || $0.contains(#""pending""#) }))
            _ = try source.client(["export", "--status", "done"], status: 64)
            let nowhere = source.scratch.file("no-such-folder/all.ndjson")
            let said = try source.client(["export", "--output-file", nowhere], status: 1)
            #expect(said.contains("cannot write \(nowhere): No such file or directory"), "\(said)")
            source.end()
        }
    }

    @Test func theArrayOfCurlIsTaken() async throws {
        try await onThread {
            let (source, target) = (try MovingPlace(http: true), try MovingPlace())
            let tasks = MovingTasks.make(500)
            try MovingTasks.fill(source, tasks)
            let http = try source.master.process.readyValue("http")
            let path = source.scratch.file("tasks.json")
            _ = try Tool.output("curl", ["-sS", "-o", path, "http://\(http)/api/v1/tasks"])
            #expect(try target.client(["import", path]) == "500 imported, 0 already here, 0 in conflict\n")
            #expect(Set(try target.exported()) == Set(tasks))
            // Cut short, and pretty-printed.
            let text = try String(contentsOfFile: path, encoding: .utf8)
            try MovingFiles.write(String(text.dropLast(20)), source.scratch.file("cut.json"))
            let cut = try target.client(["import", source.scratch.file("cut.json")], status: 1)
            #expect(cut.contains("cut short"), "\(cut)")
            let laidOut = try Tool.output("python3", ["-m", "json.tool", path])
            try MovingFiles.write(laidOut, source.scratch.file("laid-out.json"))
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
            let (source, target) = (try MovingPlace(), try MovingPlace())
            try MovingTasks.fill(source, MovingTasks.make(300))
            let lines =
                try source.exported() + [try #require(try MovingFiles.lines(source.scratch.file("all.ndjson")).last)]
            func refused(_ lines: [String], _ words: String) throws {
                let path = source.scratch.file("bad.ndjson")
                try MovingFiles.write(lines.joined(separator: "\n") + "\n", path)
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
            let target = try MovingPlace()
            var tasks = MovingTasks.make(10)
            tasks[3] = tasks[3].replacing("cancelled\",\"attempt", with: "paused\",\"attempt")
            tasks[5] = "{no json"
            // Only the master knows that this is of the future.
            tasks[6] = tasks[6].replacing("2026-01-02T03", with: "9026-01-02T03")
            let path = target.scratch.file("bad.ndjson")
            try MovingFiles.write(tasks.joined(separator: "\n") + "\n", path)
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
            let target = try MovingPlace()
            var tasks = MovingTasks.make(20)
            try MovingTasks.fill(target, tasks)
            let before = try target.exported()
            tasks[2] = tasks[2].replacing("exit_code", with: "oom_killed")
            let path = target.scratch.file("other.ndjson")
            try MovingFiles.write(tasks.joined(separator: "\n") + "\n", path)
            let said = try target.client(["import", "--no-trailer", path], status: 1)
            #expect(said.contains("line 3: t0000") && said.contains("reason: is another here"), "\(said)")
            #expect(said.contains("0 imported, 19 already here, 1 in conflict"), "\(said)")
            #expect(try target.exported() == before)
            target.end()
        }
    }

    /// What people do by hand to see that a file is whole.
    @Test func theChecksumIsThatOfSha256sum() async throws {
        try await onThread {
            let source = try MovingPlace()
            try MovingTasks.fill(source, MovingTasks.make(50))
            _ = try source.exported()
            let path = source.scratch.file("all.ndjson")
            let sum = try Tool.output("sh", ["-c", "head -n -1 \"$0\" | sha256sum | cut -d' ' -f1", path])
            let trailer = try JSON(parsing: Array(try #require(try MovingFiles.lines(path).last).utf8))
            #expect(trailer["export"]?["sha256"]?.text == String(sum.dropLast()))
            #expect(trailer["export"]?["count"]?.int == 50)
            source.end()
        }
    }
}
