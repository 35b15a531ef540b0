import Testing

/// The runner's own parts: what it takes for equal, and what not.
@Suite struct TranscriptTests {
    @Test(arguments: [
        (#"{"a":1}"#, #"{"b":2,"a":1.0}"#, true),
        (#"{"a":"<any>"}"#, #"{"a":[1]}"#, true),
        (#"{"a":"<any>"}"#, #"{"b":1}"#, false),
        (#"{"a":"<none>"}"#, #"{"b":1}"#, true),
        (#"{"a":"<none>"}"#, #"{"a":1}"#, false),
        (#"{"a":"x"}"#, #"{"a":"\u0078"}"#, true),
        (#"{"a":1}"#, #"{"a":"1"}"#, false),
        (#"{"a":null}"#, #"{"a":null}"#, true),
        (#"{"a":true}"#, #"{"a":false}"#, false),
        (#"{"a":[1,{"b":2}]}"#, #"{"a":[1,{"b":2,"c":3}]}"#, true),
        (#"{"a":[1]}"#, #"{"a":[1,2]}"#, false),
        (#"{"a":{}}"#, #"{"a":[]}"#, false),
        (#"{"a":"<id:X>","b":"<id:X>"}"#, #"{"a":7,"b":7}"#, true),
        (#"{"a":"<id:X>","b":"<id:X>"}"#, #"{"a":7,"b":8}"#, false),
    ])
    func comparesWhatIsShown(wanted: String, found: String, isMatch: Bool) {
        var matcher = TranscriptMatcher()
        var matched = true
        do {
            try matcher.match(wanted: wanted, found: Array(found.utf8))
        } catch {
            matched = false
        }
        #expect(matched == isMatch)
    }

    @Test func fillsInWhatCameBefore() throws {
        var matcher = TranscriptMatcher()
        try matcher.match(wanted: #"{"sub":"<id:SUB>","id":"<id:T>"}"#, found: Array(#"{"sub":3,"id":"t1"}"#.utf8))
        let filled = try matcher.fill(#"{"t":"<id:T>","s":"<id:SUB>","p":"<pad:3>"}"#)
        #expect(filled == #"{"t":"t1","s":3,"p":"xxx"}"#)
        var isRefused = false
        do { _ = try matcher.fill(#"{"t":"<id:UNKNOWN>"}"#) } catch { isRefused = true }
        #expect(isRefused)
    }

    @Test func readsDirections() throws {
        let transcript = try Transcript(
            "# a remark\n# master: --x 1\n\nC: {}\nS2: {}\nC2: !hex 16 0301\nC: !close\nS: !closed\n"
        )
        #expect(transcript.masterArguments == ["--x", "1"])
        #expect(transcript.steps.map(\.connection) == ["", "2", "2", "", ""])
        #expect(transcript.steps[2].action == .sendBytes([0x16, 3, 1]))
        #expect(transcript.steps.last == .init(connection: "", action: .expectClosed, lineNumber: 8))
    }

    @Test(arguments: ["X: {}", "S: hello", "C: !sing", "C: !hex 1", "Ca: {}"])
    func refuses(line: String) {
        #expect(throws: TranscriptFailure.self) { try Transcript(line) }
    }
}
