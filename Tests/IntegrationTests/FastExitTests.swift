import TestSupport
import Testing

/// Tasks that end as soon as they begin.
@Suite(.timeLimit(.minutes(8))) struct FastExitTests {
    private static let count = 1_000

    @Test func noneOfAThousandStaysRunning() async throws {
        try await onThread {
            let master = try MasterProcess()
            let node = try WorkerNode(.process, master)
            let worker = try node.start(slots: 16)
            let peer = try Peer(master)
            let tasks = try (0..<Self.count).map {
                try peer.submit(#""name":"t-\#($0)","image":"busybox","command":["sh","-c","exit \#($0 % 2)"]"#)
            }
            for (number, task) in tasks.enumerated() {
                let end = try peer.awaitEnd(task)
                #expect(end["status"]?.text == (number % 2 == 0 ? "completed" : "failed"))
                #expect(end["exitCode"]?.int == number % 2 && end["attempt"]?.int == 1)
            }
            #expect(worker.terminate() == .exited(0))
            #expect(master.terminate() == .exited(0))
        }
    }
}
