import Testing

@Suite struct PlacingTests {
    private func nodes(_ harness: inout CoreHarness, _ tasks: [String]) -> [String] {
        var found: [String] = []
        for task in tasks { found.append(CoreHarness.text(of: "nodeId", in: harness.task(task)) ?? "") }
        return found
    }

    @Test func tasksAreSpreadByShareOfFreeSlots() {
        var harness = CoreHarness()
        let client = harness.client()
        _ = harness.worker(1, node: "n1", slots: 4)
        _ = harness.worker(2, node: "n2", slots: 4)
        _ = harness.worker(3, node: "n3", slots: 2)
        let tasks = (0..<10).map { _ in harness.submit(from: client) }
        let placed = nodes(&harness, tasks)
        #expect(placed.filter { $0 == "n1" }.count == 4)
        #expect(placed.filter { $0 == "n2" }.count == 4)
        #expect(Set(placed.prefix(3)) == ["n1", "n2", "n3"])
    }

    /// The wire says so in two ways: when its worker registers, and with any heartbeat.
    @Test(arguments: [true, false]) func aNodeWhoseEngineIsAwayGetsNothing(fromTheStart: Bool) {
        var harness = CoreHarness()
        let client = harness.client()
        let engineError = #","engineError":"no such socket""#
        let sick = harness.worker(1, node: "sick", slots: 8, extra: fromTheStart ? engineError : "")
        if !fromTheStart { harness.send(#"{"op":"heartbeat"\#(engineError)}"#, from: sick) }
        let tasks = (0..<3).map { _ in harness.submit(from: client) }
        #expect(harness.send(#"{"op":"nodes"}"#, from: client).first?.contains(engineError) == true)
        #expect(nodes(&harness, tasks) == ["", "", ""])
        _ = harness.worker(2, node: "well")
        #expect(nodes(&harness, tasks) == ["well", "", ""])
        harness.send(#"{"op":"heartbeat"}"#, from: sick)
        #expect(nodes(&harness, tasks) == ["well", "sick", "sick"])
    }

    /// Else a worker that rejects and registers in a loop would use up a task's assignments at once.
    @Test(arguments: [true, false]) func aHoldOutlivesARegistration(onNewConnection: Bool) {
        var harness = CoreHarness()
        let client = harness.client()
        var worker = harness.worker(1, node: "n1")
        let task = harness.submit(from: client)
        harness.send(#"{"op":"reject","taskId":"\#(task)","attempt":1}"#, from: worker)
        if onNewConnection {
            worker = harness.worker(2, node: "n1")
        } else {
            harness.send(#"{"op":"register","slots":1}"#, from: worker)
        }
        #expect(harness.task(task).contains(#""status":"pending","attempt":1"#))
        harness.advance(milliseconds: 1_250)
        #expect(harness.task(task).contains(#""status":"scheduled","attempt":2"#))
    }

    @Test func higherPriorityThenAgeGoesFirst() {
        var harness = CoreHarness()
        let client = harness.client()
        let low = harness.submit(#","priority":-5"#, from: client)
        let first = harness.submit(from: client)
        let second = harness.submit(from: client)
        let shaped = harness.submit(#","resources":{"requests":{"cpu":1}}"#, from: client)
        let high = harness.submit(#","priority":7"#, from: client)
        let worker = harness.worker(1, node: "n1")
        var order: [String] = []
        var inbox = harness.take(worker)
        for _ in 0..<5 {
            let assign = inbox.last { $0.contains(#""ev":"assign""#) } ?? ""
            let task = CoreHarness.text(of: "taskId", in: assign) ?? ""
            order.append(task)
            inbox = harness.send(#"{"op":"status","taskId":"\#(task)","attempt":1,"status":"completed"}"#, from: worker)
        }
        #expect(order == [high, first, second, shaped, low])
    }

    @Test func requestsCountAgainstTheNode() {
        var harness = CoreHarness()
        let client = harness.client()
        _ = harness.worker(1, node: "n1", slots: 10)
        let fits = harness.submit(#","resources":{"requests":{"cpu":"2500m","memory":"600M"}}"#, from: client)
        let waits = harness.submit(#","resources":{"limits":{"cpu":2}}"#, from: client)
        let small = harness.submit(#","resources":{"requests":{"cpu":1.5}}"#, from: client)
        let large = harness.submit(#","resources":{"requests":{"memory":"1Ti"}}"#, from: client)
        #expect(nodes(&harness, [fits, waits, small, large]) == ["n1", "", "n1", ""])
    }

    @Test func aSelectorNeedsAllItsLabels() {
        var harness = CoreHarness()
        let client = harness.client()
        let both = harness.submit(#","nodeSelector":{"zone":"a","gpu":"yes"}"#, from: client)
        let one = harness.submit(#","nodeSelector":{"zone":"a"}"#, from: client)
        _ = harness.worker(1, node: "n1", slots: 4, extra: #","labels":{"zone":"a"}"#)
        #expect(nodes(&harness, [both, one]) == ["", "n1"])
        _ = harness.worker(2, node: "n2", slots: 4, extra: #","labels":{"zone":"a","gpu":"yes","x":"y"}"#)
        #expect(nodes(&harness, [both]) == ["n2"])
    }

    @Test func aDrainingNodeGetsNothingUntilItIsUndone() {
        var harness = CoreHarness()
        let client = harness.client()
        let worker = harness.worker(1, node: "n1")
        harness.send(#"{"op":"drain","nodeId":"n1"}"#, from: client)
        #expect(harness.take(worker).last == #"{"ev":"quiet","on":true}"#)
        let task = harness.submit(from: client)
        #expect(nodes(&harness, [task]) == [""])
        harness.send(#"{"op":"drain","nodeId":"n1","on":false}"#, from: client)
        #expect(nodes(&harness, [task]) == ["n1"])
    }
}
