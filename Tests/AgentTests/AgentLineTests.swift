import PodlingProtocol
import Testing

@testable import PodlingAgent

@Suite struct AgentLineTests {
    private func read(_ line: String) throws -> MasterMessage {
        var reader = MasterLineReader(nodeId: "n1")
        return try reader.read(Array(line.utf8))
    }

    private static let orders: MasterOrders = {
        var orders = MasterOrders()
        orders.leaseMilliseconds = 15_000
        orders.heartbeatMilliseconds = 5_000
        orders.kill = [KillOrder(.first, code: "not_found")]
        orders.lost = [.second]
        return orders
    }()

    @Test(arguments: [
        (
            #"{"ev":"hello","proto":[1,2],"auth":"none","line_max":1048576,"server":"x"}"#,
            MasterMessage.hello(versions: 1...2)
        ),
        (#"{"ev":"kill","taskId":"t1","attempt":1,"code":"stale_attempt"}"#, .kill(.first, code: "stale_attempt")),
        (
            #"{"ev":"cancel","taskId":"t1","attempt":1,"graceSeconds":3,"code":"timed_out"}"#,
            .cancel(.first, graceSeconds: 3)
        ),
        (#"{"ev":"cancel","taskId":"t1","attempt":1}"#, .cancel(.first, graceSeconds: 10)),
        (#"{"ev":"quiet","on":false}"#, .quiet(false)),
        (#"{"ev":"drain","deadline_ms":5,"reconnect_ms":[200,900]}"#, .drain(reconnectMilliseconds: 200...900)),
        (#"{"ev":"drain","deadline_ms":5}"#, .drain(reconnectMilliseconds: 100...100)),
        (#"{"ev":"replaced"}"#, .replaced),
        (#"{"ev":"logs_stop","sub":4}"#, .logsStop(subscription: 4)),
        (
            #"{"ev":"logs","sub":4,"taskId":"t1","attempt":1,"tail":9,"follow":true}"#,
            .logs(LogRequestFromMaster(subscription: 4, key: .first, tailBytes: 9, follows: true))
        ),
        (#"{"ev":"logs_taken","sub":4,"bytes":70000}"#, .logsTaken(subscription: 4, bytes: 70_000)),
        (
            #"{"ev":"logs","sub":4,"taskId":"t1","attempt":1,"from":{"stdout":5},"window":99}"#,
            .logs(
                LogRequestFromMaster(
                    subscription: 4,
                    key: .first,
                    tailBytes: 65_536,
                    follows: false,
                    from: LogPosition(stdoutBytes: 5),
                    windowBytes: 99
                )
            )
        ),
        (#"{"ev":"something_new","x":[1,{"y":2}]}"#, .ignored),
        (#"{"re":3,"ok":{}}"#, .reply(id: 3, .ok(MasterOrders()))),
        (#"{"re":null,"ok":{}}"#, .reply(id: nil, .ok(MasterOrders()))),
        (
            #"{"re":3,"ok":{"epoch":"e","lease_ms":15000,"heartbeat_ms":5000,"keep":[],"kill":[{"taskId":"t1","attempt":1,"#
                + #""code":"not_found"}],"lost":[{"taskId":"t2","attempt":1}]}}"#,
            .reply(id: 3, .ok(orders))
        ),
        (
            #"{"re":3,"err":{"code":"conflict","msg":"m","retryable":true,"retry_after_ms":70}}"#,
            .reply(
                id: 3,
                .failed(MasterFault(code: "conflict", message: "m", isRetryable: true, retryAfterMilliseconds: 70))
            )
        ),
    ])
    func aLineIsUnderstood(_ line: String, _ message: MasterMessage) throws {
        #expect(try read(line) == message)
    }

    @Test func anAssignmentBecomesAPlan() throws {
        let line = #"""
            {"ev":"assign","taskId":"t1","attempt":1,"spec":{"name":"x","image":"busybox","command":["a"],"args":["b"],
            "env":{"K":"V"},"workingDir":"/w","ports":[{"container":80,"host":8080,"protocol":"udp"},{"container":81}],
            "resources":{"limits":{"cpu":"500m","memory":"64Mi"}},"stopGraceSeconds":3,"pullPolicy":"never"}}
            """#
        let container = ContainerSpec(
            taskId: "t1",
            attempt: 1,
            nodeId: "n1",
            image: "busybox",
            command: ["a"],
            args: ["b"],
            env: [
                .init("K", "V"), .init("PODLING_TASK_ID", "t1"), .init("PODLING_ATTEMPT", "1"),
                .init("PODLING_NODE_ID", "n1"),
            ],
            workingDir: "/w",
            ports: [.init(container: 80, host: 8080, transport: .udp), .init(container: 81)],
            cpuLimitMillis: 500,
            memoryLimitBytes: 64 << 20,
            stopGraceSeconds: 3
        )
        #expect(try read(line) == .assign(.first, AttemptPlan(container: container, pullPolicy: .never)))
    }

    @Test func anUnknownMemberOfASpecIsRefusedByName() throws {
        let line = #"{"ev":"assign","taskId":"t1","attempt":1,"spec":{"name":"x","image":"y","gpu":1}}"#
        guard case .assignRejected(.first, let why) = try read(line) else {
            Issue.record("taken")
            return
        }
        #expect(why.contains("gpu"))
    }

    @Test(arguments: [
        #"{"ev":"kill","taskId":"../x","attempt":1}"#, #"{"ev":"kill","taskId":"t1"}"#,
        #"{"ev":"hello","proto":[2,1]}"#,
        #"{"ev":"kill""#, #"{"ev":"assign","taskId":"t1","attempt":0,"spec":{}}"#,
    ])
    func aLineThatMakesNoSenseIsAnError(_ line: String) {
        #expect(throws: (any Error).self) { try read(line) }
    }

    /// The ranges are those of proto-spec.md, section 4.
    @Test(arguments: [
        (#"{"ev":"logs_stop","sub":-1}"#, "sub: must be an integer from 0 to 9007199254740991"),
        (#"{"ev":"logs_taken","sub":1,"bytes":-1}"#, "bytes: must be an integer from 0 to 9007199254740991"),
        (#"{"ev":"kill","taskId":"t1","attempt":0}"#, "attempt: must be an integer from 1 to 2147483647"),
    ])
    func aWrongNumberIsToldItsRange(_ line: String, _ message: String) {
        let error = #expect(throws: WireError.self) { try read(line) }
        #expect(error?.message == message)
    }

    @Test(arguments: [
        (WorkerRequest(id: 7, .heartbeat), #"{"op":"heartbeat","id":7}"#),
        (
            WorkerRequest(id: 1, .hello(node: "n1", instance: "i", agent: "a/1")),
            #"{"op":"hello","proto":1,"role":"worker","node":"n1","instance":"i","agent":"a/1","id":1}"#
        ),
        (WorkerRequest(id: 2, .accept(.first)), #"{"op":"accept","taskId":"t1","attempt":1,"id":2}"#),
        (
            WorkerRequest(id: 2, .reject(.first, error: "no \"x\"")),
            #"{"op":"reject","taskId":"t1","attempt":1,"error":"no \"x\"","id":2}"#
        ),
        (WorkerRequest(id: nil, .logEnd(subscription: 3, LogEndReport())), #"{"op":"log_end","sub":3}"#),
        (
            WorkerRequest(
                id: 3,
                .status(
                    .first,
                    AttemptReport(
                        .failed,
                        containerId: "c",
                        exitCode: -1,
                        reason: .oomKilled,
                        error: "e",
                        detail: "d",
                        startedAtMilliseconds: 0,
                        finishedAtMilliseconds: 1_500
                    )
                )
            ),
            #"{"op":"status","taskId":"t1","attempt":1,"status":"failed","containerId":"c","exitCode":-1,"#
                + #""reason":"oom_killed","error":"e","detail":"d","startedAt":"1970-01-01T00:00:00.000Z","#
                + #""finishedAt":"1970-01-01T00:00:01.500Z","id":3}"#
        ),
    ])
    func aRequestIsWritten(_ request: WorkerRequest, _ line: String) {
        #expect(written(request) == line)
    }

    @Test(arguments: [(2_000, "2"), (2_050, "2.05"), (500, "0.5")])
    func aRegistrationSaysWhatTheNodeHas(_ millis: Int, _ cpu: String) {
        let configuration = AgentConfiguration(
            nodeId: "n1",
            instance: "i",
            slots: 3,
            cpuMillis: millis,
            memoryBytes: 5,
            hostname: "h",
            engine: "docker 1",
            version: "0",
            labels: [AgentLabel(name: "a", value: "b"), AgentLabel(name: "c", value: "")]
        )
        #expect(
            written(WorkerRequest(id: 1, .register(configuration, attempts: [.first])))
                == #"{"op":"register","slots":3,"cpu":\#(cpu),"memory":5,"hostname":"h","engine":"docker 1","version":"0","#
                + #""labels":{"a":"b","c":""},"attempts":[{"taskId":"t1","attempt":1}],"id":1}"#
        )
    }

    private func written(_ request: WorkerRequest) -> String {
        var writer = JSONWriter()
        request.write(to: &writer)
        return writer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }

    /// PostgreSQL's text has no NUL.
    @Test func aTextIsCutBetweenCharactersAndHasNoNUL() {
        let long = "a\0" + String(repeating: "€", count: Limits.errorBytesMax)
        let line = written(WorkerRequest(id: 1, .reject(AttemptKey(taskId: "t1", attempt: 1), error: long)))
        let text = "a\u{FFFD}" + String(repeating: "€", count: (Limits.errorBytesMax - 4) / 3)
        #expect(line.contains("\"error\":\"\(text)\""))
    }
}

@Suite struct AgentLogLineTests {
    private func lines(_ chunks: [LogChunk]) -> [String] {
        var encoder = LogLineEncoder(subscription: 9)
        let lines = chunks.flatMap { encoder.encode($0) } + encoder.finish()
        return lines.map { String(decoding: $0.text, as: UTF8.self) }
    }

    @Test(arguments: [
        ([LogChunk(.stdout, Array("hi\n".utf8))], [#"{"op":"log","sub":9,"stream":"stdout","text":"hi\n"}"#]),
        (
            [LogChunk(.stderr, [0xC3]), LogChunk(.stderr, [0xA9])],
            [#"{"op":"log","sub":9,"stream":"stderr","text":"é"}"#]
        ),
        ([LogChunk(.stdout, [0xC3])], [#"{"op":"log","sub":9,"stream":"stdout","b64":"ww=="}"#]),
        ([LogChunk(.stdout, [0xFF, 0x41])], [#"{"op":"log","sub":9,"stream":"stdout","b64":"/0E="}"#]),
        ([LogChunk(.stdout, [0x80, 0x80, 0x80, 0x80])], [#"{"op":"log","sub":9,"stream":"stdout","b64":"gICAgA=="}"#]),
    ])
    func aPieceBecomesLines(_ chunks: [LogChunk], _ expected: [String]) {
        #expect(lines(chunks) == expected)
    }

    @Test func aLongPieceIsSplitBetweenCharacters() {
        let text = String(repeating: "€", count: 30_000)
        let lines = lines([LogChunk(.stdout, Array(text.utf8))])
        #expect(lines.count == 3)
        #expect(lines.allSatisfy { !$0.contains("b64") && $0.utf8.count <= Limits.logChunkBytesMax + 128 })
        #expect(lines.joined().count { $0 == "€" } == 30_000)
    }
}
