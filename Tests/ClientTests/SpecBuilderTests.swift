import ArgumentParser
import Testing

@testable import podling_client

struct SpecBuilderTests {
    private func spec(_ arguments: [String], environment: [String: String] = [:]) throws -> String {
        let run = try RunCommand.parse(Array(RunArguments.separated(["run"] + arguments).dropFirst()))
        let builder = SpecBuilder(
            options: run.spec,
            image: run.image,
            arguments: run.arguments,
            environmentValue: { environment[$0] }
        )
        return String(decoding: try builder.build(idempotencyKey: nil, randomSuffix: "x1"), as: UTF8.self)
    }

    @Test(arguments: [
        (["--name", "hi", "busybox"], #"{"name":"hi","image":"busybox"}"#),
        (
            ["busybox", "echo", "-n", "a b"],
            #"{"name":"busybox-x1","image":"busybox","args":["echo","-n","a b"]}"#
        ),
        (
            ["-e", "A=1=2", "-e", "HOME", "-e", "A=", "--name", "hi", "b", "--help", "-e", "B=1", "--", "--name", "x"],
            #"{"name":"hi","image":"b","args":["--help","-e","B=1","--","--name","x"],"env":{"HOME":"/root","A":""}}"#
        ),
        (["--name", "hi", "--", "b", "-c"], #"{"name":"hi","image":"b","args":["-c"]}"#),
        (
            ["--name", "hi", "--entrypoint", "sh", "b", "-c", "ls"],
            #"{"name":"hi","image":"b","command":["sh"],"args":["-c","ls"]}"#
        ),
        (["--name", "hi", "--entrypoint", "", "b", "ls"], #"{"name":"hi","image":"b","command":[],"args":["ls"]}"#),
        (["--entrypoint=", "--name=hi", "b", "ls"], #"{"name":"hi","image":"b","command":[],"args":["ls"]}"#),
        (
            ["--name", "hi", "b", "-----BEGIN", "-=", "--generate-completion-script", "bash"],
            #"{"name":"hi","image":"b","args":["-----BEGIN","-=","--generate-completion-script","bash"]}"#
        ),
        (["-dq", "--name", "hi", "--raw", "b", "-d"], #"{"name":"hi","image":"b","args":["-d"]}"#),
        (
            ["--name", "hi", "-p", "80", "-p", "8080:80", "-p", "5353:53/udp", "b"],
            #"{"name":"hi","image":"b","ports":[{"container":80},{"container":80,"host":8080},"#
                + #"{"container":53,"host":5353,"protocol":"udp"}]}"#
        ),
        (
            ["--name", "hi", "--cpu", "0.5", "--memory", "64Mi", "b"],
            #"{"name":"hi","image":"b","resources":{"limits":{"cpu":0.5,"memory":"64Mi"}}}"#
        ),
        (
            ["--name", "hi", "--cpu", "500m", "--memory", "1000", "b"],
            #"{"name":"hi","image":"b","resources":{"limits":{"cpu":"500m","memory":1000}}}"#
        ),
        (
            ["--name", "hi", "--cpu", "1,\"x\":2", "b"],
            #"{"name":"hi","image":"b","resources":{"limits":{"cpu":"1,\"x\":2"}}}"#
        ),
        (
            ["--name", "hi", "--label", "a=b=c", "--node-selector", "zone=x", "--priority=-5", "--timeout", "9", "b"],
            #"{"name":"hi","image":"b","labels":{"a":"b=c"},"nodeSelector":{"zone":"x"},"priority":-5,"timeoutSeconds":9}"#
        ),
        (
            [
                "--name", "hi", "--max-attempts", "1", "--on-node-lost", "fail", "--workdir", "/w", "--pull", "never",
                "--grace", "0", "--idempotency-key", "k", "b",
            ],
            #"{"name":"hi","image":"b","workingDir":"/w","maxAttempts":1,"onNodeLost":"fail","stopGraceSeconds":0,"#
                + #""pullPolicy":"never","idempotencyKey":"k"}"#
        ),
    ])
    func commandLinesBecomeSpecs(_ arguments: [String], _ expected: String) throws {
        #expect(try spec(arguments, environment: ["HOME": "/root"]) == expected)
    }

    @Test(arguments: [
        ([""], "IMAGE is empty"),
        (["-e", "NOPE", "b"], "--env NOPE: no such variable here; write NOPE=VALUE"),
        (["-p", "0", "b"], "--port 0: write [HOST:]CONTAINER[/udp], ports from 1 to 65535"),
        (["-p", "1:2:3", "b"], "--port 1:2:3: write [HOST:]CONTAINER[/udp], ports from 1 to 65535"),
        (["-p", "80/sctp", "b"], "--port 80/sctp: write [HOST:]CONTAINER[/udp], ports from 1 to 65535"),
        (["--label", "x", "b"], "--label x: write NAME=VALUE"),
    ])
    func faultsNameTheOption(_ arguments: [String], _ expected: String) {
        let error = #expect(throws: ValidationError.self) { try spec(arguments) }
        #expect(error?.message == expected)
    }

    @Test(arguments: [["-it", "b", "sh"], ["-i", "b"], ["--tty", "b"], ["--rm", "b"]])
    func whatATaskCannotHaveIsSaid(_ arguments: [String]) {
        let error = #expect(throws: (any Error).self) { try RunCommand.parse(arguments) }
        #expect(error.map { RunCommand.message(for: $0).contains("leave") } == true)
    }

    /// Where a value belongs to an option, IMAGE is looked for behind it.
    @Test func allFlagsOfRunAreKnown() {
        let help = RunCommand.helpMessage(columns: 200)
        let lines = help.split(separator: "\n").filter { $0.hasPrefix("  -") }
        let flags = lines.filter { !$0.contains("<") }.flatMap { line in
            line.split(separator: " ").map { $0.filter { $0 != "," } }.filter { $0.hasPrefix("-") }
        }
        #expect(flags.count > 6 && RunArguments.flags.isSuperset(of: flags), "\(flags)")
        let valued = lines.filter { $0.contains("<") }.flatMap { line in
            line.split(separator: "<")[0].split(separator: " ").map { $0.filter { $0 != "," } }
        }
        #expect(valued.count > 20 && RunArguments.flags.isDisjoint(with: valued), "\(valued)")
    }

    @Test func environmentFilesAreRead() throws {
        let text = "\u{FEFF}# a comment\n\nA=1=2\r\n  B= x \nHOME\nNOPE\nC=\"q\"\nA=3\n"
        let pairs = try EnvironmentFile.parse(Array(text.utf8), path: "f") { $0 == "HOME" ? "/root" : nil }
        #expect(pairs.map { "\($0.name)=\($0.value)" } == ["A=1=2", "B= x ", "HOME=/root", "C=\"q\"", "A=3"])
    }

    @Test(arguments: [("A=1\n=2\n", "line 2"), ("A B=1", "line 1")])
    func badEnvironmentFilesNameTheLine(_ text: String, _ expected: String) {
        let error = #expect(throws: Failure.self) {
            try EnvironmentFile.parse(Array(text.utf8), path: "f") { _ in nil }
        }
        #expect(error?.message.contains(expected) == true)
    }

    @Test(arguments: [
        ("busybox", "busybox-s"), ("host:5000/Team/App_1.2:v3", "app_1.2-s"), ("a/b@sha256:00", "b-s"),
        ("x/_y", "y-s"), ("", "task-s"), (String(repeating: "a", count: 100), String(repeating: "a", count: 61) + "-s"),
    ])
    func namesComeFromImages(_ image: String, _ expected: String) {
        #expect(SpecBuilder.name(of: image, suffix: "s") == expected)
    }

    @Test(arguments: [
        ("{\"a\":1}", 1), ("{\n \"a\": 1\n}\n", 1), ("{\"a\":1}\n{\"b\":2}\n", 2), ("\n{}\r\n\n{}", 2),
    ])
    func specFilesHoldOneOrALineEach(_ text: String, _ count: Int) throws {
        #expect(try SpecFile.split(Array(text.utf8)).count == count)
    }

    @Test(arguments: [("", "no spec"), ("[]", "line 1"), ("{}\n{\"a\":}\n", "line 2")])
    func badSpecFilesNameTheLine(_ text: String, _ expected: String) {
        let error = #expect(throws: Failure.self) { try SpecFile.split(Array(text.utf8)) }
        #expect(error?.message.contains(expected) == true)
    }

    @Test(arguments: [
        (#"{"a":1}"#, #"{"a":1,"idempotencyKey":"k"}"#), ("{}", #"{"idempotencyKey":"k"}"#),
        (#"{"idempotencyKey":"mine"}"#, #"{"idempotencyKey":"mine"}"#),
    ])
    func specsGetAKeyUnlessTheyHaveOne(_ spec: String, _ expected: String) throws {
        #expect(String(decoding: try SpecFile.withKey(Array(spec.utf8), "k"), as: UTF8.self) == expected)
    }
}
