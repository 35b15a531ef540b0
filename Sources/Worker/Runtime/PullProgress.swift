import FoundationEssentials
import NIOCore
import Synchronization

/// Finds the error in an engine's progress lines (one JSON object a line).
struct ProgressLines: Sendable {
    private let lineBytesMax: Int
    private var partial: [UInt8] = []
    private var isSkipping = false

    init(lineBytesMax: Int) {
        self.lineBytesMax = lineBytesMax
    }

    mutating func firstError(in buffer: ByteBuffer) -> String? {
        for byte in buffer.readableBytesView {
            if byte == UInt8(ascii: "\n") {
                if let error = endLine() { return error }
            } else if partial.count < lineBytesMax {
                partial.append(byte)
            } else {
                isSkipping = true
            }
        }
        return nil
    }

    /// Ends the stream; the last line may lack its line feed.
    mutating func finish() -> String? { endLine() }

    private mutating func endLine() -> String? {
        defer {
            partial.removeAll(keepingCapacity: true)
            isSkipping = false
        }
        guard !isSkipping, !partial.isEmpty else { return nil }
        return (try? JSONDecoder().decode(EngineMessage.PullProgress.self, from: Data(partial)))?.error
    }
}

/// A watchdog for inactivity.
final class IdleWatch: Sendable {
    private let lastTouch = Mutex(ContinuousClock.now)

    func touch() {
        lastTouch.withLock { $0 = .now }
    }

    /// Returns once `touch` has not been called for that long.
    func expire(afterSeconds seconds: Double) async throws {
        while true {
            let deadline = lastTouch.withLock { $0 }.advanced(by: .seconds(seconds))
            if deadline <= .now { return }
            try await Task.sleep(until: deadline, clock: .continuous)
        }
    }
}
