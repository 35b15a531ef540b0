import PodlingProtocol
import Testing

@Suite struct BackoffTests {
    @Test func delaysDoubleUpToTheLongest() {
        var backoff = Backoff(milliseconds: 100...5_000)
        let delays = (0..<9).map { _ in backoff.nextMilliseconds(jitter: 1) }
        #expect(delays == [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000])
    }

    @Test func afterASuccessTheyBeginAnew() {
        var backoff = Backoff(milliseconds: 100...5_000)
        for _ in 0..<5 { _ = backoff.nextMilliseconds(jitter: 0) }
        backoff.reset()
        let delay = backoff.nextMilliseconds(jitter: 1)
        #expect(delay == 100)
    }

    @Test(arguments: [(0.0, 50), (0.5, 75), (0.999, 99), (1.0, 100)] as [(Double, Int64)])
    func aDelayIsInTheUpperHalf(_ jitter: Double, _ milliseconds: Int64) {
        #expect(Backoff(milliseconds: 100...100).milliseconds(doublings: 3, jitter: jitter) == milliseconds)
        #expect(Backoff.spread(100, jitter: jitter) == milliseconds)
    }

    @Test(arguments: [-1, 0, 1, 31, 62, 63, 64, Int.max])
    func noNumberOfTriesPassesTheBounds(_ doublings: Int) {
        let backoff = Backoff(milliseconds: 3...Int64.max / 2)
        let delay = backoff.milliseconds(doublings: doublings, jitter: 0)
        #expect((1...Int64.max / 2).contains(delay))
        #expect(Backoff(milliseconds: 0...0).milliseconds(doublings: doublings, jitter: 1) == 0)
    }
}
