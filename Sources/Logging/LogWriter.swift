import Logging
import NIOConcurrencyHelpers
import NIOPosix
import PodlingClock

/// Asynchronous log writer: takes lines from any thread without blocking, and writes them on a thread of its own.
///
/// When the reader of standard error stalls, as behind a full pipe, lines are dropped and counted, and nobody is
/// blocked; the count is reported once the reader continues.
final class LogWriter: Sendable {
    private struct State {
        var budget: LogBudget
        var lines: [[UInt8]] = []
        var byteCount = 0
        /// Lines dropped because the queue was full.
        var droppedCount = 0
        var isAtEnd = false
    }

    /// The next lines to write; the writer's remarks follow the lines that they came after.
    private struct Work {
        var lines: [[UInt8]]
        var leftOut: [(level: Logger.Level, count: Int)]
        var droppedCount: Int
        var isAtEnd: Bool

        var isEmpty: Bool { lines.isEmpty && leftOut.isEmpty && droppedCount == 0 }
    }

    /// Size limit of the queue.
    static let queueBytesMaxDefault = 1024 * 1024
    /// Extra capacity for critical lines.
    private static let fatalBytesMax = 64 * 1024

    private let descriptor: Int32
    private let queueBytesMax: Int
    private let remark: @Sendable (Logger.Level, String) -> [UInt8]
    private let state: NIOLockedValueBox<State>
    /// True where the thread has work.
    private let wake = ConditionLock(value: false)
    /// True once everything was written at the end.
    private let isDone = ConditionLock(value: false)
    private let pool = NIOThreadPool(numberOfThreads: 1)

    /// - Parameter remark: formats a line of the writer's own, such as a count of dropped lines.
    init(
        descriptor: Int32,
        budget: LogBudget = LogBudget(),
        queueBytesMax: Int = queueBytesMaxDefault,
        remark: @escaping @Sendable (Logger.Level, String) -> [UInt8]
    ) {
        self.descriptor = descriptor
        self.queueBytesMax = queueBytesMax
        self.remark = remark
        state = NIOLockedValueBox(State(budget: budget))
        pool.start()
        pool.submit { state in if state == .active { self.run() } }
    }

    /// Enqueues one line with its LF, or drops it.
    func write(_ line: [UInt8], _ level: Logger.Level) {
        let now = MonotonicClock.milliseconds()
        state.withLockedValue { state in
            guard state.budget.takes(level, at: now) else { return }
            let bytesMax = level == .critical ? queueBytesMax + Self.fatalBytesMax : queueBytesMax
            guard state.byteCount + line.count <= bytesMax else {
                state.droppedCount += 1
                return
            }
            state.lines.append(line)
            state.byteCount += line.count
        }
        poke()
    }

    /// Blocks until everything is written, within a bound: the program is about to exit.
    func flush(milliseconds: Int) {
        state.withLockedValue { $0.isAtEnd = true }
        poke()
        if isDone.lock(whenValue: true, timeoutSeconds: Double(milliseconds) / 1_000) {
            isDone.unlock(withValue: true)
        }
    }

    private func poke() {
        wake.lock()
        wake.unlock(withValue: true)
    }

    // MARK: On the writer's thread

    private func run() {
        while true {
            let work = take()
            guard work.isEmpty else {
                write(work)
                continue
            }
            if work.isAtEnd {
                isDone.lock()
                isDone.unlock(withValue: true)
            }
            pause()
        }
    }

    private func take() -> Work {
        let now = MonotonicClock.milliseconds()
        return state.withLockedValue { state in
            defer { (state.lines, state.byteCount, state.droppedCount) = ([], 0, 0) }
            return Work(
                lines: state.lines,
                leftOut: state.budget.takeLeftOut(at: now, isAtEnd: state.isAtEnd),
                droppedCount: state.droppedCount,
                isAtEnd: state.isAtEnd
            )
        }
    }

    private func write(_ work: Work) {
        for line in work.lines { StandardError.write(line, to: descriptor) }
        if work.droppedCount > 0 {
            let text = "\(work.droppedCount) log lines were left out: what reads standard error did not keep up"
            StandardError.write(remark(.warning, text), to: descriptor)
        }
        for (level, count) in work.leftOut {
            let text = "\(count) log lines of the level \(level) were left out: there were too many in a second"
            StandardError.write(remark(level, text), to: descriptor)
        }
    }

    /// Blocks until there is a line to write, or a remark is due.
    private func pause() {
        if state.withLockedValue({ $0.budget.hasLeftOut }) {
            let seconds = Double(LogBudget.periodMilliseconds) / 1_000
            guard wake.lock(whenValue: true, timeoutSeconds: seconds) else { return }
        } else {
            wake.lock(whenValue: true)
        }
        wake.unlock(withValue: false)
    }
}
