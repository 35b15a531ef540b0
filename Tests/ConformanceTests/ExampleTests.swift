import TestSupport
import Testing

/// The foreign workers of Examples/ do what they say.
@Suite struct ExampleTests {
    /// What a client sees of a worker: an exit code, the environment, words with spaces, a program that is not
    /// there, and a cancel.
    private static let conversation = #"""
        S: {"ev":"hello"}
        C: {"op":"submit","id":1,"name":"fails","image":"none","command":["sh","-c"],"args":["exit 3"]}
        S: {"re":1,"ok":{"taskId":"<id:A>"}}
        C: {"op":"wait","id":2,"taskId":"<id:A>"}
        S: {"re":2,"ok":{"sub":"<id:SA>"}}
        S: {"ev":"done","sub":"<id:SA>","task":{"status":"failed","attempt":1,"reason":"exit_code","exitCode":3}}
        C: {"op":"submit","id":3,"name":"works","image":"none",\#
        "command":["sh","-c","test \"$A$1$PODLING_ATTEMPT\" = \"x  'yb  c1\"","-","b  c"],"env":{"A":"x  'y"}}
        S: {"re":3,"ok":{"taskId":"<id:B>"}}
        C: {"op":"wait","id":4,"taskId":"<id:B>"}
        S: {"re":4,"ok":{"sub":"<id:SB>"}}
        S: {"ev":"done","sub":"<id:SB>","task":{"status":"completed","exitCode":0}}
        C: {"op":"submit","id":5,"name":"missing","image":"none","command":["no-such-program"]}
        S: {"re":5,"ok":{"taskId":"<id:C>"}}
        C: {"op":"wait","id":6,"taskId":"<id:C>"}
        S: {"re":6,"ok":{"sub":"<id:SC>"}}
        S: {"ev":"done","sub":"<id:SC>","task":{"status":"failed"}}
        C: {"op":"submit","id":7,"name":"endless","image":"none","command":["sleep","1000"]}
        S: {"re":7,"ok":{"taskId":"<id:D>"}}
        C: {"op":"cancel","id":8,"taskId":"<id:D>"}
        S: {"re":8,"ok":{}}
        C: {"op":"wait","id":9,"taskId":"<id:D>"}
        S: {"re":9,"ok":{"sub":"<id:SD>"}}
        S: {"ev":"done","sub":"<id:SD>","task":{"status":"cancelled"}}
        """#

    @Test(.timeLimit(.minutes(6)), arguments: ["worker.py", "worker.sh"])
    func runsTasks(worker name: String) async throws {
        try await onThread {
            let master = try MasterProcess()
            let environment = ["PODLING_MASTER": master.address, "PODLING_NODE": "example"]
            let worker = try ProgramProcess(SourceTree.path("Examples/\(name)"), [], environment: environment)
            var runner = TranscriptRunner(host: master.host, port: master.port)
            do {
                try runner.run(try Transcript(Self.conversation))
            } catch {
                throw TestSupportError("\(name): \(error)\n\(worker.output)")
            }
            worker.terminate()
            master.terminate()
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func submits() async throws {
        let (ending, output) = try await onThread {
            let master = try MasterProcess()
            let submit = try ProgramProcess(
                SourceTree.path("Examples/submit.sh"),
                ["busybox", "echo", "a  b"],
                environment: ["PODLING_MASTER": master.address]
            )
            return (submit.wait(deadline: .after(seconds: 20)), submit.output)
        }
        #expect(ending == .exited(0))
        #expect(output.contains(#""command":["echo","a  b"]"#))
    }
}
