import ArgumentParser
import Testing

@testable import podling_client

struct SpecBuilderTests {
    private func spec(_ arguments: [String], environment: [String: String] = [:]) throws -> String {
        let run = try RunCommand.parse(arguments)
        let builder = SpecBuilder(
            options: run.spec,
            name: run.name,
            command: run.command,
            environmentValue: { environment[$0] }
        )
        return String(decoding: try builder.build(idempotencyKey: nil, randomSuffix: "x1"), as: UTF8.self)
    }

    @Test(arguments: [
        (["hi", "-i", "busybox"], #"{"name":"hi","image":"busybox"}"#),
        (
            ["-i", "busybox", "--", "echo", "-n", "a b"],
            #"{"name":"busybox-x1","image":"busybox","command":["echo","-n","a b"]}"#
        ),
        (
            ["hi", "-i", "b", "-e", "A=1=2", "-e", "HOME", "-e", "A=", "--", "--help"],
            #"{"name":"hi","image":"b","command":["--help"],"env":{"HOME":"/root","A":""}}"#
        ),
        (
            ["hi", "-i", "b", "-p", "80", "-p", "8080:80", "-p", "5353:53/udp"],
            #"{"name":"hi","image":"b","ports":[{"container":80},{"container":80,"host":8080},"#
                + #"{"container":53,"host":5353,"protocol":"udp"}]}"#
        ),
        (
            ["hi", "-i", "b", "--cpu", "0.5", "--memory", "64Mi"],
            #"{"name":"hi","image":"b","resources":{"limits":{"cpu":0.5,"memory":"64Mi"}}}"#
        ),
        (
            ["hi", "-i", "b", "--cpu", "500m", "--memory", "1000"],
            #"{"name":"hi","image":"b","resources":{"limits":{"cpu":"500m","memory":1000}}}"#
        ),
        (
            ["hi", "-i", "b", "--cpu", "1,\"x\":2"],
            #"{"name":"hi","image":"b","resources":{"limits":{"cpu":"1,\"x\":2"}}}"#
        ),
        (
            ["hi", "-i", "b", "--label", "a=b=c", "--node-selector", "zone=x", "--priority=-5", "--timeout", "9"],
            #"{"name":"hi","image":"b","labels":{"a":"b=c"},"nodeSelector":{"zone":"x"},"priority":-5,"timeoutSeconds":9}"#
        ),
        (
            [
                "hi", "-i", "b", "--max-attempts", "1", "--on-node-lost", "fail", "--workdir", "/w", "--pull", "never",
                "--grace", "0", "--idempotency-key", "k",
            ],
            #"{"name":"hi","image":"b","workingDir":"/w","maxAttempts":1,"onNodeLost":"fail","stopGraceSeconds":0,"#
                + #""pullPolicy":"never","idempotencyKey":"k"}"#
        ),
    ])
    func commandLinesBecomeSpecs(_ arguments: [String], _ expected: String) throws {
        #expect(try spec(arguments, environment: ["HOME": "/root"]) == expected)
    }

    @Test(arguments: [
        (["hi"], "no image: give --image or set PODLING_IMAGE"),
        (["-i", "b", "-e", "NOPE"], "--env NOPE: no such variable here; write NOPE=VALUE"),
        (["-i", "b", "-p", "0"], "--port 0: write [HOST:]CONTAINER[/udp], ports from 1 to 65535"),
        (["-i", "b", "-p", "1:2:3"], "--port 1:2:3: write [HOST:]CONTAINER[/udp], ports from 1 to 65535"),
        (["-i", "b", "-p", "80/sctp"], "--port 80/sctp: write [HOST:]CONTAINER[/udp], ports from 1 to 65535"),
        (["-i", "b", "--label", "x"], "--label x: write NAME=VALUE"),
    ])
    func faultsNameTheOption(_ arguments: [String], _ expected: String) {
        let error = #expect(throws: ValidationError.self) { try spec(arguments) }
        #expect(error?.message == expected)
    }

    @Test func theImageMayComeFromTheEnvironment() throws {
        #expect(try spec([], environment: ["PODLING_IMAGE": "alpine"]) == #"{"name":"alpine-x1","image":"alpine"}"#)
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
