import Logging
import NIOHTTP1
import PodlingAgent
import PodlingProtocol

extension DockerRuntime {
    static let waitBackoff = Backoff(milliseconds: 20...5_000)

    /// The engine's wait only says when to look; `inspect` decides whether the container ended, and how.
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
            // The wait returned too early (not started yet, or the engine fails): an immediate retry would spin.
            try await Task.sleep(for: .milliseconds(backoff.nextMilliseconds(jitter: .random(in: 0..<1))))
        }
    }

    /// The exit status by the engine's record, and by the kernel's where the engine may have missed it.
    func exitStatus(_ id: String, _ state: EngineMessage.Container.State) async throws -> ExitStatus {
        var status = state.exitStatus
        let flavour = try await profile().flavour
        if flavour.mayMissOutOfMemory, !status.oomKilled, status.exitCode == ExitStatus.killed {
            status.oomKilled = KernelLog.saysOutOfMemory(containerId: id)
        }
        return status
    }

    /// True when the time slice ended without an answer.
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
