import Logging
import NIOHTTP1
import PodlingAgent
import PodlingProtocol

extension DockerRuntime {
    static let waitBackoff = Backoff(milliseconds: 20...5_000)

    /// The engine's wait only tells when to look; whether it ended, and how, says inspect.
    package func wait(_ id: String) async throws -> ExitStatus {
        _ = try checkedId(id)
        let begin = ContinuousClock.now
        var backoff = Self.waitBackoff
        while true {
            try Task.checkCancellation()
            do {
                let waitedSeconds = begin.duration(to: .now) / .seconds(1)
                let sliceRanOut = try await waitSlice(id, waitedSeconds: waitedSeconds)
                let state = try await inspect(id).State
                if state.hasEnded { return try await exitStatus(id, state) }
                if sliceRanOut {
                    backoff.reset()
                    continue
                }
            } catch let error as RuntimeError {
                if error.kind == .notFound || error.kind == .invalidSpec { throw error }
                logger.warning("waiting for a container, will go on", metadata: ["id": "\(id)", "error": "\(error)"])
            }
            // Back too early (not started yet, or the engine fails): looking again at once would spin.
            try await Task.sleep(for: .milliseconds(backoff.nextMilliseconds(jitter: .random(in: 0..<1))))
        }
    }

    /// The engine's record, and the kernel's where the engine may have missed it.
    func exitStatus(_ id: String, _ state: EngineMessage.Container.State) async throws -> ExitStatus {
        var status = state.exitStatus
        let flavour = try await profile().flavour
        if flavour.mayMissOutOfMemory, !status.oomKilled, status.exitCode == ExitStatus.killed {
            status.oomKilled = KernelLog.saysOutOfMemory(containerId: id)
        }
        return status
    }

    /// True when it ran to the end of its slice without an answer.
    private func waitSlice(_ id: String, waitedSeconds: Double) async throws -> Bool {
        let wait = try await profile().flavour.waitCall(id, waitedSeconds: waitedSeconds)
        do {
            let reply = try await call(
                .POST,
                wait.path,
                query: wait.query,
                lane: .long,
                deadlineSeconds: wait.sliceSeconds
            )
            guard reply.isSuccess else { throw failure(reply, "wait") }
            return false
        } catch let error as RuntimeError where error.kind == .timeout {
            return true
        }
    }
}
