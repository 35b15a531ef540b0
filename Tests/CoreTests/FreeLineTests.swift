import PodlingProtocol
import Testing

@testable import PodlingCore

/// What of one turn may leave while its store is late.
@Suite struct FreeLineTests {
    private static let client = SessionID(slot: 1, generation: 1)
    private static let other = SessionID(slot: 2, generation: 1)
    private static let task = TaskID(number: 7)
    private static let quiet = TaskID(number: 8)

    private static func line(_ text: String, _ session: SessionID, into effects: inout Effects) {
        effects.begin(session)
        text.utf8CString.dropLast().withUnsafeBytes { effects.writer.raw($0) }
        effects.end()
    }

    private static func lines(_ effects: borrowing Effects) -> [String] {
        effects.frames.flatMap { frame in
            effects.withBytes(of: frame) { bytes in
                String(decoding: bytes, as: UTF8.self).split(separator: "\n").map { "\(frame.session.slot) \($0)" }
            }
        }
    }

    private static func split(_ effects: inout Effects, waiting: Set<Int> = []) -> (free: [String], kept: [String]) {
        let error = WireError(.unavailable, "late")
        let free = effects.takeFree(
            isWaiting: { waiting.contains($0) },
            isUnsettled: { $0 == task },
            error: error
        )
        return (lines(free), lines(effects))
    }

    /// Two sessions in one turn: who asked for a change waits with all that comes after it, and nobody else.
    @Test func whoAskedForNothingIsAnswered() {
        var effects = Effects()
        Self.line(#"{"re":1,"ok":{}}"#, Self.client, into: &effects)
        effects.isFree = false
        Self.line(#"{"re":2,"ok":{}}"#, Self.client, into: &effects)
        effects.isFree = true
        Self.line(#"{"re":9,"ok":{}}"#, Self.other, into: &effects)
        Self.line(#"{"re":3,"ok":{}}"#, Self.client, into: &effects)
        let (free, kept) = Self.split(&effects)
        #expect(free == [#"1 {"re":1,"ok":{}}"#, #"2 {"re":9,"ok":{}}"#])
        #expect(kept == [#"1 {"re":2,"ok":{}}"#, #"1 {"re":3,"ok":{}}"#])
    }

    @Test func whoWaitsForAnEarlierTurnWaits() {
        var effects = Effects()
        Self.line(#"{"re":1,"ok":{}}"#, Self.client, into: &effects)
        let (free, kept) = Self.split(&effects, waiting: [1])
        #expect(free.isEmpty && kept.count == 1)
    }

    @Test(arguments: [
        (Effects.Mark.Kind.read, [#"{"re":1,"err":{"code":"unavailable","#, #"{"re":2,"ok":{}}"#], 0),
        (.subscription, [], 2), (.change, [], 2), (.reminder, [#"{"re":2,"ok":{}}"#], 0),
    ]) func whatTheStoreDoesNotHaveIsNotTold(kind: Effects.Mark.Kind, free wanted: [String], keptCount: Int) {
        for id in [Self.task, Self.quiet] {
            var effects = Effects()
            Self.line(#"{"re":1,"ok":{"a":1}}"#, Self.client, into: &effects)
            effects.mark(id, kind, from: 0)
            Self.line(#"{"re":2,"ok":{}}"#, Self.client, into: &effects)
            let (free, kept) = Self.split(&effects)
            guard id == Self.task else {
                #expect(free.count == 2 && kept.isEmpty)
                continue
            }
            #expect(free.count == wanted.count && kept.count == keptCount, "\(free) \(kept)")
            for (line, start) in zip(free, wanted) { #expect(line.hasPrefix("1 " + start), "\(line)") }
        }
    }

    /// A heartbeat tells a cancel again: one that is durable.
    @Test func aHeartbeatTellsNoCancelThatIsNotDurable() {
        var harness = CoreHarness { $0.asksStore = true }
        let worker = harness.worker(2, node: "n1")
        let client = harness.client()
        harness.send(#"{"op":"submit","name":"a","image":"b"}"#, from: client)
        let sent = harness.take(worker).joined()
        #expect(sent.contains(#""ev":"assign""#), "\(sent)")
        let id = harness.core.tasks.table.id(at: 0)
        harness.send(#"{"op":"cancel","taskId":"\#(id.text)"}"#, from: client)
        var effects = Effects()
        var line = #"{"op":"heartbeat","id":5}"#
        line.withUTF8 {
            harness.core.lineReceived(UnsafeRawBufferPointer($0), from: worker, now: harness.now, into: &effects)
        }
        let free = effects.takeFree(
            isWaiting: { _ in false },
            isUnsettled: { $0 == id },
            error: WireError(.unavailable, "late")
        )
        let lines = Self.lines(free)
        #expect(lines.count == 1 && lines[0].contains(#""re":5"#), "\(lines)")
        #expect(effects.frames.isEmpty)
    }
}
