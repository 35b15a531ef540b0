import Testing

@testable import PodlingAccess

@Suite struct FailureTests {
    @Test func refusalsWaitLongerAndLonger() {
        var table = FailureTable()
        let waits = (0..<12).map { _ in table.failed("a", now: 0) }
        #expect(waits == [0, 0, 0, 250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000, 8_000])
        #expect(table.failed("b", now: 0) == 0)
        for _ in 0..<10_000 { #expect(table.failed("a", now: 0) == FailureTable.delayMillisecondsMax) }
    }

    @Test func aHostBeginsAnewAfterAWhile() {
        var table = FailureTable()
        for _ in 0..<10 { _ = table.failed("a", now: 0) }
        #expect(table.failed("a", now: FailureTable.forgetMilliseconds) > 0)
        #expect(table.failed("a", now: 2 * FailureTable.forgetMilliseconds + 1) == 0)
    }

    @Test func theTableIsBounded() {
        var table = FailureTable()
        for _ in 0..<10 { _ = table.failed("first", now: 0) }
        for host in 0..<(3 * FailureTable.hostsMax) { _ = table.failed("\(host)", now: 0) }
        #expect(table.count == FailureTable.hostsMax)
        #expect(table.failed("first", now: 0) == 0)
        #expect(table.count == FailureTable.hostsMax)
    }
}
