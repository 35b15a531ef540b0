import TestSupport
import Testing

/// A network between a master and its worker that loses what one of them sends.
@Suite(.serialized, .timeLimit(.minutes(5))) struct OneWayLossTests {
    /// The task runs elsewhere, as nobody may know that it still runs here; what is still here ends once the two hear each
    /// other again.
    @Test(arguments: ["worker", "master"]) func whoHearsNothingIsFenced(lost: String) async throws {
        try await onThread {
            let master = try MasterProcess(["--heartbeat", "0.5", "--lease", "2"])
            let relay = try RecordingRelay(to: master.port)
            let scratch = try Scratch()
            let cutOff = try WorkerNode(.process, masters: relay.address)
            let other = try WorkerNode(.process, master)
            let worker = try cutOff.start()
            let peer = try Peer(master)
            let task = try GatedTask(peer, .process, scratch, code: 3)
            try peer.awaitStatus(task.taskId, "running")
            try task.awaitStart(attempt: 1)
            let replacement = try other.start()
            try peer.awaitNode(other.nodeId) { $0["status"]?.text == "online" }

            relay.holdUp(ofPeer: lost == "worker", ofMaster: lost == "master")
            let moved = try peer.awaitTask(task.taskId) {
                $0["attempt"]?.int == 2 && $0["status"]?.text == "running"
            }
            #expect(moved["nodeId"]?.text == other.nodeId)
            #expect(try task.isAlive(attempt: 1))

            relay.holdUp(ofPeer: false, ofMaster: false)
            try task.awaitGone(attempt: 1)
            try peer.awaitNode(cutOff.nodeId) { $0["status"]?.text == "online" && $0["used"]?.int == 0 }
            #expect(try task.isAlive(attempt: 2))
            try task.release(attempt: 2)
            let end = try peer.awaitEnd(task.taskId)
            #expect(end["exitCode"]?.int == 3 && end["attempt"]?.int == 2)
            #expect(try task.starts(attempt: 1) == 1)
            #expect(worker.terminate() == .exited(0))
            #expect(replacement.terminate() == .exited(0))
            #expect(master.terminate() == .exited(0))
        }
    }
}
