import PodlingProtocol
import TestSupport
import Testing

@Suite struct LineDecoderTests {
    /// Feeds `text` in slices of the given sizes, round and round.
    private func lines(
        _ text: [UInt8],
        slices: [Int],
        lineBytesMax: Int = 100
    ) -> (lines: [String], result: LineDecoderResult, partialCount: Int) {
        var decoder = LineDecoder(lineBytesMax: lineBytesMax)
        var lines: [String] = []
        var result = LineDecoderResult.ok
        var (at, turn) = (0, 0)
        while at < text.count, result == .ok {
            let end = min(at + slices[turn % slices.count], text.count)
            result = Array(text[at..<end]).withUnsafeBytes { chunk in
                decoder.process(chunk) { line in
                    lines.append(String(decoding: line, as: UTF8.self))
                    return true
                }
            }
            (at, turn) = (end, turn + 1)
        }
        return (lines, result, decoder.partialCount)
    }

    static let slices = [[1000], [1], [2], [3], [7, 1, 2], [64, 63], [5]]

    @Test(arguments: slices)
    func cutsLines(_ slices: [Int]) {
        let text = Array(
            "{\"a\":1}\n\n  \t\r\n{\"b\":2}\r\n\r\n{\"c\r\":3}\nlonger than one word of eight\n{\"part".utf8
        )
        let outcome = lines(text, slices: slices)
        #expect(outcome.lines == ["{\"a\":1}", "{\"b\":2}", "{\"c\r\":3}", "longer than one word of eight"])
        #expect(outcome.result == .ok)
        #expect(outcome.partialCount == 6)
    }

    @Test(arguments: slices, ["\n", "\r\n"])
    func holdsTheLimit(_ slices: [Int], _ ending: String) {
        let max = 40
        for count in [max - 1, max, max + 1] {
            let long = String(repeating: "x", count: count)
            let text = Array(("{}\n" + long + ending + "{}\n").utf8)
            let outcome = lines(text, slices: slices, lineBytesMax: max)
            #expect(outcome.lines == (count <= max ? ["{}", long, "{}"] : ["{}"]))
            #expect(outcome.result == (count <= max ? .ok : .lineTooLong))
        }
    }

    @Test func tooLongIsSaidBeforeTheLineEnds() {
        let max = 40
        let exact = [UInt8](repeating: UInt8(ascii: "x"), count: max)
        #expect(lines(exact, slices: [1], lineBytesMax: max).result == .ok)
        #expect(lines(exact + [0x0D], slices: [1], lineBytesMax: max).result == .ok)
        #expect(lines(exact + [0x0D, 0x0D], slices: [1], lineBytesMax: max).result == .lineTooLong)
        #expect(lines(exact + [UInt8(ascii: "x")], slices: [1], lineBytesMax: max).result == .lineTooLong)
        #expect(lines(exact + [UInt8(ascii: "x")], slices: [1000], lineBytesMax: max).result == .lineTooLong)
        #expect(lines(exact + exact, slices: [39, 30], lineBytesMax: max).partialCount <= max + 1)
    }

    @Test func tooLongIsFinal() {
        var decoder = LineDecoder(lineBytesMax: 4)
        var count = 0
        for text in ["{}\n12345", "6\n{}\n"] {
            let result = Array(text.utf8).withUnsafeBytes { chunk in
                decoder.process(chunk) { _ in
                    count += 1
                    return true
                }
            }
            #expect(result == .lineTooLong)
        }
        #expect(count == 1)
    }

    @Test func theLimitMayChangeBetweenLines() {
        var decoder = LineDecoder(lineBytesMax: 8)
        var counts: [Int] = []
        let text = Array("hello\n0123456789abcdef\n".utf8)
        let result = text.withUnsafeBytes { chunk in
            decoder.process(chunk) { line, lineBytesMax in
                counts.append(line.count)
                lineBytesMax = 16
                return true
            }
        }
        #expect(result == .ok)
        #expect(counts == [5, 16])
        #expect(decoder.lineBytesMax == 16)
    }

    @Test func stopsAndResumes() {
        var decoder = LineDecoder(lineBytesMax: 100)
        var seen: [String] = []
        let stop = { (line: UnsafeRawBufferPointer, _: inout Int) in
            seen.append(String(decoding: line, as: UTF8.self))
            return false
        }
        let feed = { (text: String, decoder: inout LineDecoder) in
            Array(text.utf8).withUnsafeBytes { decoder.process($0, stop) }
        }
        #expect(feed("a\nb\nc\nd", &decoder) == .stopped)
        #expect(seen == ["a"])
        #expect(decoder.partialCount == 5)
        let second = decoder.resume(stop)
        #expect(second == .stopped)
        #expect(feed("e\nf", &decoder) == .stopped)
        #expect(seen == ["a", "b", "c"])
        let fourth = decoder.resume(stop)
        #expect(fourth == .stopped)
        #expect(seen == ["a", "b", "c", "de"])
        let nothing = decoder.resume(stop)
        #expect(nothing == .ok)
        #expect(decoder.partialCount == 1)
        #expect(feed("\n", &decoder) == .stopped)
        #expect(seen.last == "f")
        let empty = decoder.resume(stop)
        #expect(empty == .ok)
        #expect(decoder.partialCount == 0)
    }

    @Test func randomSlicesAndStops() {
        var generator = SplitMix64(seed: 5)
        for _ in 0..<300 {
            let wanted = (0..<Int.random(in: 1...30, using: &generator)).map { index in
                String(repeating: "y", count: Int.random(in: 0...60, using: &generator)) + "\(index)"
            }
            let endings = ["\n", "\r\n", "\n \n"]
            let text = Array(wanted.map { $0 + (endings.randomElement(using: &generator) ?? "\n") }.joined().utf8)
            var decoder = LineDecoder(lineBytesMax: 100)
            var seen: [String] = []
            var at = 0
            while at < text.count {
                let end = min(at + Int.random(in: 1...200, using: &generator), text.count)
                var result = Array(text[at..<end]).withUnsafeBytes { chunk in
                    decoder.process(chunk) { line in
                        seen.append(String(decoding: line, as: UTF8.self))
                        return Int.random(in: 0..<4, using: &generator) > 0
                    }
                }
                while result == .stopped, Bool.random(using: &generator) {
                    result = decoder.resume { line, _ in
                        seen.append(String(decoding: line, as: UTF8.self))
                        return Bool.random(using: &generator)
                    }
                }
                #expect(result != .lineTooLong)
                at = end
            }
            var last = LineDecoderResult.stopped
            while last == .stopped {
                last = decoder.resume { line, _ in
                    seen.append(String(decoding: line, as: UTF8.self))
                    return true
                }
            }
            #expect(seen == wanted)
            #expect(decoder.partialCount == 0)
        }
    }

    /// A megabyte that comes byte by byte is scanned once, not once for each byte.
    @Test(.timeLimit(.minutes(5)))
    func aSlowLineIsNotQuadratic() {
        let text = [UInt8](repeating: UInt8(ascii: "x"), count: Limits.lineBytesMax) + [0x0A]
        let outcome = lines(text, slices: [1], lineBytesMax: Limits.lineBytesMax)
        #expect(outcome.lines.map(\.utf8.count) == [Limits.lineBytesMax])
    }
}
