import FoundationEssentials
import PodlingClock
import Testing

@Suite struct SystemClockTests {
    @Test func theMonotonicClockNeverGoesBack() {
        var last = MonotonicClock.milliseconds()
        for _ in 0..<10_000 {
            let now = MonotonicClock.milliseconds()
            #expect(now >= last)
            last = now
        }
    }

    @Test func theMonotonicClockCountsMilliseconds() async throws {
        let start = MonotonicClock.milliseconds()
        try await Task.sleep(for: .milliseconds(50))
        #expect(MonotonicClock.milliseconds() - start >= 49)
    }

    @Test func theWallClockCountsFrom1970() {
        let before = Date.now.timeIntervalSince1970
        let between = Double(WallClock.milliseconds()) / 1_000
        let after = Date.now.timeIntervalSince1970
        #expect(between >= before - 0.002 && between <= after + 0.002)
    }
}
