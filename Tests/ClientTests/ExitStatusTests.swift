import PodlingClient
import Testing

@testable import podling_client

struct ExitStatusTests {
    @Test(
        arguments: [
            ("completed", nil, 0, 0),
            ("completed", nil, nil, 0),
            ("failed", "exit_code", 3, 3),
            ("failed", "exit_code", 255, 255),
            ("failed", "exit_code", 256, 255),
            ("failed", "exit_code", -1, 255),
            ("failed", "exit_code", nil, 1),
            ("failed", nil, 7, 7),
            ("failed", "oom_killed", 137, 137),
            ("failed", "oom_killed", nil, 137),
            ("failed", "oom_killed", 0, 137),
            ("failed", "timed_out", 143, 124),
            ("failed", "image_pull", nil, 125),
            ("failed", "start_failed", 127, 125),
            ("failed", "runtime_error", nil, 125),
            ("failed", "rejected", nil, 125),
            ("failed", "node_lost", nil, 125),
            ("failed", "lost_too_often", nil, 125),
            ("failed", "a_later_reason", 4, 125),
            ("cancelled", "cancelled", 143, 130),
        ] as [(String, String?, Int?, Int32)]
    )
    func follows(_ status: String, _ reason: String?, _ exitCode: Int?, _ expected: Int32) {
        #expect(ExitStatus.of(status: status, reason: reason, exitCode: exitCode) == expected)
    }

    @Test func everyFailureIsOneLineWithWhatToDo() throws {
        let report = try #require(FailureReport(ClientError.unreachable(["cannot connect to h:1: connection refused"])))
        #expect(report.exitStatus == 125)
        #expect(report.line.contains("connection refused"))
        #expect(report.line.contains("is podling-master running"))
        #expect(report.line.contains("PODLING_MASTER"))
        #expect(!report.line.contains("\n"))
    }
}
