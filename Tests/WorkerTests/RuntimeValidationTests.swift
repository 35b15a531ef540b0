import PodlingAgent
import PodlingProtocol
import Testing

@testable import PodlingWorker

@Suite struct RuntimeValidationTests {
    static let hex64 = String(repeating: "0123456789abcdef", count: 4)

    @Test(arguments: [
        ("busybox", "busybox:latest"),
        ("busybox:1.35", "busybox:1.35"),
        ("library/busybox", "library/busybox:latest"),
        ("docker.io/library/busybox:latest", "docker.io/library/busybox:latest"),
        ("127.0.0.1:5000/busybox:1", "127.0.0.1:5000/busybox:1"),
        ("localhost/x", "localhost/x:latest"),
        ("localhost:5000/x", "localhost:5000/x:latest"),
        ("[::1]:5000/x", "[::1]:5000/x:latest"),
        ("Registry.Example/a/b/c:V1.0_x-y", "Registry.Example/a/b/c:V1.0_x-y"),
        ("a__b/c-.", ""),
        ("a__b/c--d.e_f", "a__b/c--d.e_f:latest"),
        ("x@sha256:" + hex64, "x@sha256:" + hex64),
        ("x:tag@sha256:" + hex64, "x@sha256:" + hex64),
    ])
    func images(text: String, canonical: String) {
        #expect(ImageReference(text)?.canonical ?? "" == canonical)
    }

    @Test(arguments: [
        "", " ", ":", "x:", "x@", "X", "a/B", "x:-t", "x:" + String(repeating: "t", count: 129), "-x", "x-", "x..y",
        "x_-y", "x___y", "/x", "x/", "a//b", "x?y", "x&tag=evil", "x y", "x\n", "x\u{0}", "../x", "a/../b", "x%2f",
        "x@sha256:12", "x@md5:" + hex64, "x@sha256:" + hex64.uppercased(), hex64, "host:port/x", "host:123456/x",
        "exa mple.com/x", "-a.com/x", "a..com/x", "é", String(repeating: "x", count: 256), "x:ä",
    ])
    func noImages(text: String) {
        #expect(ImageReference(text) == nil)
    }

    static func spec(_ change: (inout ContainerSpec) -> Void = { _ in }) -> ContainerSpec {
        var spec = ContainerSpec(taskId: "t-1", attempt: 1, nodeId: "n-1", image: "busybox")
        change(&spec)
        return spec
    }

    @Test func plainSpecPasses() throws {
        try SpecValidation.check(Self.spec())
        try SpecValidation.check(
            Self.spec {
                $0.command = ["sh", ""]
                $0.args = [""]
                $0.env = [.init("_a9", ""), .init("B", "x=y\n")]
                $0.workingDir = "/"
                $0.ports = [.init(container: 80), .init(container: 53, host: 5_353, transport: .udp)]
                $0.cpuLimitMillis = 1
                $0.memoryLimitBytes = 6 << 20
                $0.stopGraceSeconds = 0
            }
        )
    }

    static let refused: [(String, @Sendable (inout ContainerSpec) -> Void)] = [
        ("taskId", { $0.taskId = "" }), ("taskId", { $0.taskId = "../x" }), ("taskId", { $0.taskId = "a/b" }),
        ("taskId", { $0.taskId = ".x" }), ("taskId", { $0.taskId = String(repeating: "x", count: 129) }),
        ("nodeId", { $0.nodeId = "a\"b" }), ("attempt", { $0.attempt = 0 }), ("image", { $0.image = "a b" }),
        ("command", { $0.command = [""] }), ("command", { $0.command = ["a\u{0}"] }),
        ("args", { $0.args = ["\u{0}"] }), ("args", { $0.args = [String(repeating: "x", count: 128 << 10)] }),
        ("env", { $0.env = [.init("", "")] }), ("env", { $0.env = [.init("1A", "")] }),
        ("env", { $0.env = [.init("A=B", "")] }), ("env", { $0.env = [.init("A-B", "")] }),
        ("env.A", { $0.env = [.init("A", "\u{0}")] }),
        ("command, args and env", { $0.args = Array(repeating: String(repeating: "x", count: 100_000), count: 22) }),
        ("workingDir", { $0.workingDir = "tmp" }), ("workingDir", { $0.workingDir = "" }),
        ("workingDir", { $0.workingDir = "/a\u{0}" }),
        ("ports.container", { $0.ports = [.init(container: 0)] }),
        ("ports.host", { $0.ports = [.init(container: 1, host: 65_536)] }),
        ("cpuLimitMillis", { $0.cpuLimitMillis = 0 }), ("cpuLimitMillis", { $0.cpuLimitMillis = .max }),
        ("memoryLimitBytes", { $0.memoryLimitBytes = 1_000 }), ("stopGraceSeconds", { $0.stopGraceSeconds = -1 }),
    ]

    @Test(arguments: refused)
    func badSpecs(field: String, change: @Sendable (inout ContainerSpec) -> Void) {
        let error = #expect(throws: RuntimeError.self) { try SpecValidation.check(Self.spec(change)) }
        #expect(error?.kind == .invalidSpec)
        #expect(error?.message.hasPrefix(field + " ") == true, "\(error?.message ?? "")")
    }

    @Test(arguments: [
        (hex64, true), (String(hex64.dropLast()), false), (hex64.uppercased(), false), ("", false),
        (String(hex64.dropLast()) + "/", false),
    ])
    func containerIds(text: String, isId: Bool) {
        #expect(SpecValidation.isContainerId(text) == isId)
    }

    @Test(
        arguments: [
            ("2026-11-23T22:44:20.363432147Z", 1_795_473_860_363), ("2026-11-23T22:44:20Z", 1_795_473_860_000),
            ("2026-11-23T23:44:20.3+01:00", 1_795_473_860_300), ("0001-01-01T00:00:00Z", nil), ("x", nil), ("", nil),
            ("1.", nil),
        ] as [(String, Int64?)]
    )
    func engineTimes(text: String, milliseconds: Int64?) {
        #expect(EngineTime.milliseconds(text) == milliseconds)
    }

    @Test func percentEncoding() {
        #expect(PercentCoding.encoded("a/b?c=d&é ~") == "a%2Fb%3Fc%3Dd%26%C3%A9%20~")
    }

    @Test(arguments: [
        ("manifest for x not found: manifest unknown", 404, RuntimeError.Kind.imageNotFound, false),
        ("pull access denied for x, repository does not exist", 200, .imageNotFound, false),
        ("dial tcp 127.0.0.1:1: connect: connection refused", 500, .imagePull, true),
        ("toomanyrequests: slow down", 200, .imagePull, true), ("invalid reference format", 400, .invalidSpec, false),
    ])
    func pullFailures(message: String, status: Int, kind: RuntimeError.Kind, isRetryable: Bool) {
        let error = DockerRuntime.pullFailure("x", message, status: status)
        #expect(error.kind == kind)
        #expect(error.isRetryable == isRetryable)
        #expect(error.message.contains(message))
    }
}
