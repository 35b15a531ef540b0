import PodlingClient
import Testing

private let task = #"{"taskId":"t1","status":"running","attempt":1,"name":"hi","image":"busybox"}"#
private let ended = #"{"taskId":"t1","status":"failed","attempt":1,"reason":"exit_code","exitCode":3}"#

@Suite(.timeLimit(.minutes(5)))
struct PodlingClientTests {
    private func connect(_ master: FakeMaster, requestTimeoutSeconds: Int = 10) async throws -> PodlingClient {
        var options = PodlingClient.Options()
        options.greetingTimeoutSeconds = 1
        options.requestTimeoutSeconds = requestTimeoutSeconds
        return try await PodlingClient.connect(to: [master.address], options: options)
    }

    @Test func repliesFindTheirRequestsWhateverTheirOrder() async throws {
        let master = try await FakeMaster.start { request in
            // The first is answered together with the second, after it.
            guard request.text("taskId") == "second" else { return [] }
            let second = request.ok(#"{"taskId":"second","status":"running"}"#)
            return [second, .send(#"{"re":2,"ok":{"taskId":"first","status":"pending"}}"#)]
        }
        let client = try await connect(master)
        async let first = client.get(taskId: "first")
        while !master.requests.contains(where: { $0.op == "get" }) { await Task.yield() }
        #expect(try await client.get(taskId: "second").taskId == "second")
        #expect(try await first.taskId == "first")
    }

    @Test func refusalsAreTyped() async throws {
        let master = try await FakeMaster.start { request in
            let error = #""code":"overloaded","msg":"full","retryable":true,"retry_after_ms":250,"field":"tasks[1]""#
            return [.send("{\"re\":\(request.id),\"err\":{\(error)}}")]
        }
        let client = try await connect(master)
        let error = await #expect(throws: PodlingError.self) { try await client.submit(spec: Array("{}".utf8)) }
        #expect(
            error
                == PodlingError(
                    code: "overloaded",
                    message: "full",
                    field: "tasks[1]",
                    isRetryable: true,
                    retryAfterMilliseconds: 250
                )
        )
    }

    @Test func aRequestHasADeadline() async throws {
        let master = try await FakeMaster.start { _ in [] }
        let client = try await connect(master, requestTimeoutSeconds: 1)
        await #expect(throws: ClientError.deadlineExceeded(seconds: 1)) { try await client.ping() }
    }

    @Test func aCancelledRequestEndsAtOnce() async throws {
        let master = try await FakeMaster.start { _ in [] }
        let client = try await connect(master)
        let request = Task { try await client.get(taskId: "t1") }
        while !master.requests.contains(where: { $0.op == "get" }) { await Task.yield() }
        request.cancel()
        await #expect(throws: CancellationError.self) { try await request.value }
    }

    @Test func theEndOfTheConnectionTellsThoseWhoWait() async throws {
        let master = try await FakeMaster.start { request in
            request.op == "wait" ? [request.ok(#"{"sub":1,"task":\#(task)}"#)] : [.close]
        }
        let client = try await connect(master)
        let waiting = Task { try await client.wait(taskId: "t1") }
        while !master.requests.contains(where: { $0.op == "wait" }) { await Task.yield() }
        let lost = ClientError.connectionLost(.closedByPeer)
        await #expect(throws: lost) { try await client.ping() }
        await #expect(throws: lost) { try await waiting.value }
        await #expect(throws: lost) { try await client.ping() }
    }

    @Test(arguments: [
        (#"{"ev":"hello","proto":[2,3],"auth":"none"}"#, "protocol 2 to 3"),
        ("SSH-2.0-OpenSSH_9.2", "is not a podling-master"),
        (#"{"jsonrpc":"2.0"}"#, "is not a podling-master"),
        (nil, "is not a podling-master"),
    ])
    func strangersAreTold(_ greeting: String?, _ expected: String) async throws {
        let master = try await FakeMaster.start(greeting: greeting) { _ in [] }
        let error = await #expect(throws: ClientError.self) { try await connect(master) }
        #expect(error?.description.contains(expected) == true)
    }

    @Test(arguments: ["unauthenticated", "forbidden"])
    func aRefusalGoesBeforeAMasterThatIsDown(_ code: String) async throws {
        let gone = try await FakeMaster.start { _ in [] }
        await gone.stop()
        let master = try await FakeMaster.start {
            [$0.error(code)]
        } _: { _ in
            []
        }
        for addresses in [[master.address, gone.address], [gone.address, master.address]] {
            let error = await #expect(throws: PodlingError.self) { try await PodlingClient.connect(to: addresses) }
            #expect(error?.code == code)
        }
        await master.stop()
    }

    @Test func theNextAddressIsTried() async throws {
        let gone = try await FakeMaster.start { _ in [] }
        await gone.stop()
        let master = try await FakeMaster.start { request in [request.ok(task)] }
        let client = try await PodlingClient.connect(to: [gone.address, master.address])
        #expect(client.address == master.address)
        await #expect(throws: ClientError.unreachable(["cannot connect to \(gone.address): connection refused"])) {
            try await PodlingClient.connect(to: [gone.address])
        }
    }

    @Test func waitGivesTheTaskOnceItHasEnded() async throws {
        let master = try await FakeMaster.start { request in
            [request.ok(#"{"sub":9,"task":\#(task)}"#), .send(#"{"ev":"done","sub":9,"task":\#(ended)}"#)]
        }
        let view = try await connect(master).wait(taskId: "t1")
        #expect(view.exitCode == 3)
        #expect(view.hasEnded)
        #expect(String(decoding: view.json, as: UTF8.self) == ended)
    }

    @Test func leavingASubscriptionUnsubscribes() async throws {
        let master = try await FakeMaster.start { request in
            guard request.op == "watch" else { return [] }
            let event = #"{"ev":"task","sub":4,"cursor":"e:1","taskId":"t1","attempt":0,"to":"pending"}"#
            return [request.ok(#"{"sub":4,"cursor":"e:0"}"#), .send(event)]
        }
        let client = try await connect(master)
        let watch = try await client.watch()
        #expect(watch.cursor == "e:0")
        for try await event in watch.events {
            #expect(event.cursor == "e:1")
            break
        }
        while !master.requests.contains(where: { $0.op == "unsubscribe" && $0.int("sub") == 4 }) { await Task.yield() }
    }

    @Test func aConsumerThatLagsLosesNothing() async throws {
        let count = Subscription<LogEvent>.unreadEventsMax * 3
        let master = try await FakeMaster.start { request in
            let events = (0..<count).map { number in
                FakeMaster.Step.send(#"{"ev":"log","sub":1,"stream":"stdout","text":"\#(number)"}"#)
            }
            return [request.ok(#"{"sub":1,"attempt":1}"#)] + events
                + [.send(#"{"ev":"log","sub":1,"stream":"stderr","b64":"/wA="}"#)]
                + [.send(#"{"ev":"log_end","sub":1,"attempt":1,"status":"completed","exitCode":0,"dropped":7}"#)]
        }
        let client = try await connect(master)
        var seen: [String] = []
        var end: LogEnd?
        for try await event in try await client.logs(taskId: "t1").events {
            switch event {
            case .output(.stdout, let bytes): seen.append(String(decoding: bytes, as: UTF8.self))
            case .output(.stderr, let bytes): #expect(bytes == [0xFF, 0])
            case .end(let last): end = last
            }
        }
        #expect(seen == (0..<count).map { "\($0)" })
        #expect(end?.droppedBytes == 7)
    }

    @Test func pagesAreFetchedOneAfterTheOther() async throws {
        let master = try await FakeMaster.start { request in
            let next = request.text("cursor") == nil ? #","cursor":"c1""# : ""
            return [request.ok(#"{"tasks":[\#(task)]\#(next)}"#)]
        }
        let client = try await connect(master)
        var pages = 0
        for try await page in client.list() {
            #expect(page.tasks.map(\.taskId) == ["t1"])
            pages += 1
        }
        #expect(pages == 2)
        #expect(master.requests.last?.text("cursor") == "c1")
    }

    @Test(arguments: ["[]", "{", #"{"op":"cancel"}"#, #"{"id":1}"#, "{}{}"])
    func aSpecCannotBreakOut(_ spec: String) async throws {
        let master = try await FakeMaster.start { request in [request.ok(task)] }
        let client = try await connect(master)
        await #expect(throws: ClientError.self) { try await client.submit(spec: Array(spec.utf8)) }
        #expect(master.requests.allSatisfy { $0.op == "hello" })
    }
}
