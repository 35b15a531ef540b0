import Logging
import Testing

@testable import PodlingLogging

@Suite struct LogBudgetTests {
    @Test func aLevelHasSoManyLinesASecond() {
        var budget = LogBudget(linesMax: 3, debugLinesMax: 5)
        var taken: [Logger.Level: Int] = [:]
        for _ in 0..<10 {
            for level in Logger.Level.allCases where budget.takes(level, at: 5_000) { taken[level, default: 0] += 1 }
        }
        // Frequent debug lines never suppress errors: each level has its own budget.
        #expect(taken == [.trace: 5, .debug: 5, .info: 3, .notice: 3, .warning: 3, .error: 3, .critical: 10])
        let early = budget.takeLeftOut(at: 5_999)
        let told = budget.takeLeftOut(at: 6_000)
        let isTaken = budget.takes(.info, at: 6_000)
        #expect(early.isEmpty && isTaken)
        #expect(told.map(\.level) == [.error, .warning, .notice, .info, .debug, .trace])
        #expect(told.map(\.count) == [7, 7, 7, 7, 5, 5])
        #expect(!budget.hasLeftOut)
    }

    @Test func whatWasLeftOutIsToldOnceHoweverLate() {
        var budget = LogBudget(linesMax: 1)
        for _ in 0..<3 { _ = budget.takes(.info, at: 0) }
        // The next period begins before anybody asks.
        for _ in 0..<3 { _ = budget.takes(.info, at: 1_000) }
        let counts = [
            budget.takeLeftOut(at: 1_500), budget.takeLeftOut(at: 1_500, isAtEnd: true), budget.takeLeftOut(at: 2_000),
        ].map { $0.map(\.count) }
        #expect(counts == [[], [4], []])
    }
}
