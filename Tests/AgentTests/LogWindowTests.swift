import Testing

@testable import PodlingAgent

@Suite struct LogWindowTests {
    /// The chunks that may be sent, of those wanted.
    private func sent(_ pieces: [Int], _ window: inout LogWindow) -> [Int] {
        pieces.filter { window.send($0) }
    }

    @Test func nothingGoesBeyondTheWindow() {
        var window = LogWindow(windowBytes: 100)
        #expect(sent([60, 41, 40], &window) == [60, 40])
        window.grant(upTo: 49)
        #expect(!window.hasRoom(50))
        window.grant(upTo: 50)
        #expect(sent([50], &window) == [50])
    }

    @Test func whatWasTakenStaysTaken() {
        var window = LogWindow(windowBytes: 10)
        #expect(sent([10], &window) == [10])
        window.grant(upTo: 10)
        window.grant(upTo: 3)
        #expect(window.hasRoom(10))
    }

    @Test func aPieceLargerThanTheWindowGoesAlone() {
        var window = LogWindow(windowBytes: 10)
        #expect(sent([1, 1_000], &window) == [1])
        window.grant(upTo: 1)
        #expect(sent([1_000, 1], &window) == [1_000])
    }

    @Test func withoutAWindowThereIsNoBound() {
        var window = LogWindow(windowBytes: nil)
        let pieces = Array(repeating: 1 << 30, count: 100)
        #expect(sent(pieces, &window) == pieces)
    }
}
