import Testing

/// What is wrong with a request's members is reported before what is wrong with the state.
@Suite struct RequestTests {
    @Test func aWrongErrorOfARejectionIsNamedFirst() {
        var harness = CoreHarness()
        let worker = harness.worker(1, node: "n1")
        let task = harness.submit(from: harness.client())
        let line = #"{"op":"reject","taskId":"\#(task)","attempt":7,"error":1}"#
        let answer = harness.send(line, from: worker).last ?? ""
        #expect(answer.contains(#""code":"bad_request""#) && answer.contains(#""field":"error""#), "\(answer)")
        #expect(harness.task(task).contains(#""status":"scheduled""#))
    }

    @Test(arguments: ["accept", "reject", "status"])
    func aWorkersTaskIDIsCheckedFirst(operation: String) {
        var harness = CoreHarness()
        let worker = harness.worker(1, node: "n1")
        let line = #"{"op":"\#(operation)","taskId":7,"attempt":0,"status":"running"}"#
        #expect(harness.send(line, from: worker).first?.contains(#""field":"taskId""#) == true)
    }

    @Test func aWrongSpecIsNamedBeforeAKeyThatIsTaken() {
        var harness = CoreHarness()
        let client = harness.client()
        _ = harness.submit(#","idempotencyKey":"k""#, from: client)
        let taken = #"{"name":"b","image":"c","idempotencyKey":"k"}"#
        let wrong = harness.send(#"{"op":"submit_many","tasks":[\#(taken),{"name":"b"}]}"#, from: client).first ?? ""
        #expect(wrong.contains(#""field":"tasks[1].image""#), "\(wrong)")
        let conflict = harness.send(#"{"op":"submit_many","tasks":[{"name":"b","image":"c"},\#(taken)]}"#, from: client)
        #expect(conflict.first?.contains(#""code":"conflict""#) == true, "\(conflict)")
        #expect(conflict.first?.contains(#""field":"tasks[1].idempotencyKey""#) == true, "\(conflict)")
        let doubled = #"{"name":"d","image":"c","idempotencyKey":"j"},{"name":"e","image":"c","idempotencyKey":"j"}"#
        let both = harness.send(#"{"op":"submit_many","tasks":[\#(doubled)]}"#, from: client).first ?? ""
        #expect(both.contains(#""code":"conflict""#) && both.contains("tasks[1].idempotencyKey"), "\(both)")
    }

    @Test func aWrongTaskIDOfAWatchIsNamedBeforeAnExpiredCursor() {
        var harness = CoreHarness()
        let client = harness.client()
        let wrong = harness.send(#"{"op":"watch","cursor":"e0:1","taskId":7}"#, from: client).first ?? ""
        #expect(wrong.contains(#""field":"taskId""#), "\(wrong)")
        let expired = harness.send(#"{"op":"watch","cursor":"e0:1","taskId":"t"}"#, from: client).first ?? ""
        #expect(expired.contains(#""code":"cursor_expired""#), "\(expired)")
    }

    /// A second `hello` is a conflict, so that not even an unknown version ends the connection.
    @Test(arguments: [#""proto":2,"role":"client""#, #""proto":1"#, ""])
    func aSecondHelloIsAConflictWhateverItHas(members: String) {
        var harness = CoreHarness()
        let client = harness.client()
        _ = harness.send(#"{"op":"hello","proto":1,"role":"client"}"#, from: client)
        let separator = members.isEmpty ? "" : ","
        let answer = harness.send(#"{"op":"hello"\#(separator)\#(members)}"#, from: client).first ?? ""
        #expect(answer.contains(#""code":"conflict""#), "\(answer)")
        #expect(harness.closed.isEmpty)
    }

    /// Another version may have other roles, and its tokens another form.
    @Test func anUnknownVersionIsNamedBeforeAllElse() {
        var harness = CoreHarness()
        let client = harness.client()
        let answer = harness.send(#"{"op":"hello","proto":2,"role":"observer","token":7}"#, from: client).first ?? ""
        #expect(answer.contains(#""code":"unsupported_version""#), "\(answer)")
    }

    /// A line that the master could not read ends nothing, and counts as no failed token.
    @Test func aHelloThatIsWrongCountsAsNoFailedToken() throws {
        var harness = try CoreHarness.asking()
        let client = harness.client()
        let hellos = [#""role":"other","token":"no""#, #""role":"worker","token":"no""#, #""role":"client","token":7"#]
        for wrong in hellos {
            let answer = harness.send(#"{"op":"hello","proto":1,\#(wrong)}"#, from: client).first ?? ""
            #expect(answer.contains(#""code":"bad_request""#), "\(answer)")
        }
        #expect(harness.closed.isEmpty)
        #expect(harness.denials.isEmpty)
    }
}
