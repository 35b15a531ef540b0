import FoundationEssentials
import PodlingProtocol
import Testing

/// The tables of proto-spec.md are those of the code.
@Suite struct SpecificationTests {
    private static let limits: [String: Int] = [
        "line before `hello`, bytes": Limits.lineBytesBeforeHelloMax,
        "line, bytes": Limits.lineBytesMax,
        "JSON depth": Limits.jsonDepthMax,
        "`id`, bytes": Limits.idBytesMax,
        "`taskId` of a request, bytes": Limits.taskIDBytesMax,
        "task spec, bytes": Limits.specBytesMax,
        "tasks in one `submit_many`": Limits.submitManyTasksMax,
        "tasks in one `import`": Limits.importTasksMax,
        "attempts of one task": Limits.attemptMax,
        "ids and times of an `import` ahead of the clock, seconds": Limits.importAheadSeconds,
        "tasks in one page of `list`": Limits.pageItemsMax,
        "bytes in one page of `list`": Limits.pageBytesMax,
        "tasks looked at for one page of `list`": Limits.pageTasksScannedMax,
        "bytes of specs read for one page of `list`": Limits.pageSpecBytesScannedMax,
        "subscriptions of a connection": Limits.subscriptionsPerConnectionMax,
        "subscriptions of all connections (none may have more than are free)": Limits.subscriptionsMax,
        "slots of a node": Limits.slotsMax,
        "tail of `logs`, bytes": Limits.logTailBytesMax,
        "one `log` event, bytes of output": Limits.logChunkBytesMax,
        "output that a worker sends ahead of what is taken (`window`), bytes": Limits.logWindowBytes,
        "`log` events of all streams for a reader that does not keep up, bytes": Limits.logAheadBytesMax,
        "`error`, bytes": Limits.errorBytesMax,
        "`detail`, bytes": Limits.detailBytesMax,
        "first line after connecting, seconds": Limits.firstLineSeconds,
        "`hello` with a token after connecting, seconds": Limits.identitySeconds,
        "partial line, seconds": Limits.partialLineSeconds,
        "answer to `assign`, seconds": Limits.acceptSeconds,
        "from an assignment to `running`, seconds (default; six times that with new `detail`)": Limits
            .prepareSecondsDefault,
        "rejections of one task": Limits.rejectionsMax,
        "unread output of a connection, bytes": Limits.unreadBytesMax,
        "unread output of all connections, bytes (default)": Limits.unreadBytesTotalMax,
        "heartbeat, milliseconds (default)": Limits.heartbeatMillisecondsDefault,
        "lease, milliseconds (default)": Limits.leaseMillisecondsDefault,
        "live tasks (default)": Limits.liveTasksMaxDefault,
        "different sets of cpu, memory and `nodeSelector` among live tasks": Limits.shapesMaxDefault,
        "connections (default)": Limits.connectionsMaxDefault,
        "events kept for `watch`": Limits.eventsKeptMax,
    ]

    @Test func limitsAreThoseOfTheCode() throws {
        let rows = try SpecificationTable(section: "## 9. Limits").rows
        var documented: [String: Int] = [:]
        for row in rows { documented[row[0]] = Int(row[1]) }
        #expect(rows.count == documented.count)
        #expect(documented == Self.limits)
    }

    @Test func transcriptsShownAreTheFiles() throws {
        let text = try String(contentsOfFile: SourceTree.path("proto-spec.md"), encoding: .utf8)
        let shown = text.split(separator: "\n### ").filter { $0.prefix { $0 != "\n" }.hasSuffix(".txt") }
        #expect(shown.count >= 9)
        for part in shown {
            let name = String(part.prefix { $0 != "\n" })
            let path = SourceTree.path("Tests/ConformanceTests/Transcripts/\(name)")
            let file = try String(contentsOfFile: path, encoding: .utf8)
            let lines = part.split(separator: "\n").dropFirst(2).prefix { $0 != "```" }
            #expect(lines.elementsEqual(file.split(separator: "\n")), "\(name)")
        }
    }

    @Test func errorCodesAreThoseOfTheCode() throws {
        let rows = try SpecificationTable(section: "## 8. Errors").rows
        #expect(rows.map { $0[0] } == ErrorCode.allCases.map { "`\($0.rawValue)`" })
        for (row, code) in zip(rows, ErrorCode.allCases) {
            // A remark in parentheses names the exception: the first word is the rule.
            #expect(row[1].hasPrefix(code.isRetryable ? "yes" : "no"), "\(code.rawValue), retryable")
            #expect(row[2].hasPrefix(code.isFatal ? "yes" : "no"), "\(code.rawValue), fatal")
        }
    }
}

/// The first table below a heading of proto-spec.md.
struct SpecificationTable {
    /// The cells of each row, without the two rows of the head.
    let rows: [[String]]

    init(section heading: String) throws {
        let text = try String(contentsOfFile: SourceTree.path("proto-spec.md"), encoding: .utf8)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let body = try #require(lines.firstIndex { $0 == heading }, "no section \(heading)")
        let table = lines[body...].drop { !$0.hasPrefix("|") }.prefix { $0.hasPrefix("|") }
        rows = table.dropFirst(2).map { row in
            row.split(separator: "|").map { cell in
                String(cell.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
            }
        }
        #expect(!rows.isEmpty)
    }
}
