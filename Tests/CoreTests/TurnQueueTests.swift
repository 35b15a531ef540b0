import PodlingProtocol
import Testing

@testable import PodlingCore

/// Nothing leaves before it is durable, nor before what came before it.
@Suite struct TurnQueueTests {
    private static let client = CoreHarness.session(0)
    private static let other = CoreHarness.session(1)

    private static func queue(turnsMax: Int = 4, bytesMax: Int = 1_000) -> TurnQueue {
        TurnQueue(turnsMax: turnsMax, bytesMax: bytesMax, lateMilliseconds: 1_000)
    }

    private static func turn(_ number: Int, _ line: String = "{}", to session: SessionID = client) -> Turn {
        let turn = Turn()
        turn.number = number
        turn.effects.begin(session)
        var line = line
        line.withUTF8 { turn.effects.writer.raw(UnsafeRawBufferPointer($0)) }
        turn.effects.end()
        return turn
    }

    @Test func turnsLeaveInTheirOrder() {
        var queue = Self.queue()
        queue.append(Self.turn(1), isDurable: false, now: 0)
        queue.append(Self.turn(2), isDurable: true, now: 0)
        queue.append(Self.turn(3), isDurable: false, now: 0)
        #expect(queue.popDurable() == nil)
        _ = queue.markOldestDurable()
        #expect(queue.popDurable()?.number == 1)
        #expect(queue.popDurable()?.number == 2)
        #expect(queue.popDurable() == nil)
        _ = queue.markOldestDurable()
        #expect(queue.popDurable()?.number == 3)
        #expect(queue.isEmpty && queue.byteCount == 0 && !queue.holds(0))
    }

    @Test func whoIsHeldIsKnown() {
        var queue = Self.queue()
        queue.append(Self.turn(1), isDurable: false, now: 0)
        #expect(queue.holds(Self.client.slot) && !queue.holds(Self.other.slot) && !queue.holds(7))
    }

    @Test func theStoreIsLateByTheOldestTurn() {
        var queue = Self.queue(turnsMax: 2)
        #expect(queue.storeState(now: 5_000) == .prompt)
        queue.append(Self.turn(1), isDurable: false, now: 10_000)
        #expect(queue.storeState(now: 11_000) == .prompt)
        #expect(queue.storeState(now: 11_001) == .late)
        queue.append(Self.turn(2), isDurable: false, now: 11_000)
        #expect(queue.isFull && queue.storeState(now: 11_000) == .prompt)
        #expect(queue.storeState(now: 11_001) == .full)
        _ = queue.markOldestDurable()
        _ = queue.popDurable()
        #expect(queue.storeState(now: 12_000) == .prompt)
    }

    @Test func bytesFillItToo() {
        var queue = Self.queue(bytesMax: 10)
        queue.append(Self.turn(1, "{\"re\":1}"), isDurable: false, now: 0)
        #expect(!queue.isFull)
        queue.append(Self.turn(2, "{\"re\":2}"), isDurable: false, now: 0)
        #expect(queue.isFull)
        #expect(queue.takeAll().map(\.number) == [1, 2])
        #expect(!queue.isFull)
    }

    /// A turn that says nothing of a change goes past those that wait; one to a session that waits does not.
    @Test func whatIsFreeGoesPast() {
        var queue = Self.queue()
        let held = Self.turn(1)
        held.effects.isFree = false
        held.effects.begin(Self.client)
        held.effects.writer.raw("{\"re\":1,\"ok\":{}}")
        held.effects.end()
        queue.append(held, isDurable: false, now: 0)
        queue.append(Self.turn(2), isDurable: true, now: 0)
        #expect(queue.takeFree(ofLastOnly: true).isEmpty)
        queue.append(Self.turn(3, to: Self.other), isDurable: true, now: 0)
        #expect(queue.takeFree(ofLastOnly: true).map(\.number) == [3])
    }
}
