import PodlingAgent
import PodlingClock
import PodlingProtocol

/// Engine calls: each runs in a task of its own, and is answered by one event.
extension AgentLoop {
    private static let discardRetryMilliseconds: ClosedRange<Int64> = 500...10_000
    /// Attempts to remove an ended container that was kept; the next start of the worker finds what is left.
    private static let removeTriesMax = 5

    func callEngine(_ action: AgentAction) {
        let runtime = runtime
        switch action {
        case .prepare(let key, let image, let policy):
            spawn(.prepare(key)) {
                await Self.event(key, .prepare) {
                    try await runtime.prepare(image: image, policy: policy)
                    return .prepared(key)
                }
            }
        case .create(let spec):
            spawn {
                await Self.event(spec.key, .create) {
                    .created(spec.key, containerId: try await runtime.create(spec))
                }
            }
        case .start(let key, let containerId):
            spawn {
                await Self.event(key, .start) {
                    try await runtime.start(containerId)
                    return .started(key, atMilliseconds: WallClock.milliseconds())
                }
            }
        case .wait(let key, let containerId):
            spawn {
                await Self.event(key, .wait) { .exited(key, try await runtime.wait(containerId)) }
            }
        case .stop(let key, let containerId, let graceSeconds):
            spawn {
                await Self.event(key, .stop) {
                    try await runtime.stop(containerId, graceSeconds: graceSeconds)
                    return nil
                }
            }
        case .probe:
            spawn {
                do {
                    _ = try await runtime.info()
                    return .probed(nil)
                } catch {
                    return .probed(error as? RuntimeError ?? RuntimeError(.other, "\(error)"))
                }
            }
        case .discard(let key, let containerId): discard(key, containerId)
        case .remove(let containerId):
            spawn {
                await Self.persistently(triesMax: Self.removeTriesMax) {
                    try await runtime.remove(containerId, force: true)
                }
                return nil
            }
        case .connect, .connectLeader, .disconnect, .send, .abandonPrepare, .streamLogs, .stopLogs, .grantLogs, .note,
            .finish:
            break
        }
    }

    private static func event(
        _ key: AttemptKey,
        _ step: EngineStep,
        _ body: () async throws -> AgentEvent?
    ) async -> AgentEvent? {
        do {
            return try await body()
        } catch let error as RuntimeError {
            return .failed(key, step, error)
        } catch {
            return .failed(key, step, RuntimeError(.other, "\(error)"))
        }
    }

    private func discard(_ key: AttemptKey, _ containerId: String?) {
        let runtime = runtime
        let nodeId = nodeId
        spawn {
            await Self.persistently(triesMax: .max) {
                var ids = [containerId].compactMap(\.self)
                if ids.isEmpty { ids = try await runtime.list(nodeId: nodeId).filter { $0.key == key }.map(\.id) }
                for id in ids {
                    try await runtime.kill(id)
                    try await runtime.remove(id, force: true)
                }
            }
            return .discarded(key)
        }
    }

    /// Retries with doubling delays until it succeeds, the attempts are used up, or the task is cancelled.
    private static func persistently(triesMax: Int, _ body: () async throws -> Void) async {
        var backoff = Backoff(milliseconds: discardRetryMilliseconds)
        for _ in 0..<triesMax {
            do {
                return try await body()
            } catch {
                let delay = backoff.nextMilliseconds(jitter: .random(in: 0..<1))
                do { try await Task.sleep(for: .milliseconds(delay)) } catch { return }
            }
        }
    }
}
