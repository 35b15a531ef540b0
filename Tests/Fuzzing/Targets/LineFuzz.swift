import PodlingProtocol

/// The line decoder: the lines do not depend on where the input is cut, or on where the reader stops.
enum LineFuzz {
    private static let lineBytesMax = 64

    static func run(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 2 else { return }
        let (cut, stop) = (Int(bytes[0] % 17) + 1, Int(bytes[1] % 5))
        let input = Array(bytes.dropFirst(2))
        let whole = lines(input, cut: max(input.count, 1), stop: 0)
        let pieces = lines(input, cut: cut, stop: stop)
        require(whole.lines == pieces.lines, "pieces of \(cut) bytes have other lines")
        require(whole.isTooLong == pieces.isTooLong, "pieces of \(cut) bytes end otherwise")
        require(whole.lines.allSatisfy { !$0.isEmpty && $0.count <= lineBytesMax }, "a line breaks its bounds")
    }

    /// - Parameter stop: how many lines are read at a time; 0 for all.
    private static func lines(_ input: [UInt8], cut: Int, stop: Int) -> (lines: [[UInt8]], isTooLong: Bool) {
        var decoder = LineDecoder(lineBytesMax: lineBytesMax)
        var lines: [[UInt8]] = []
        var taken = 0
        let take = { (line: UnsafeRawBufferPointer) in
            lines.append(Array(line))
            taken += 1
            return stop == 0 || taken % stop != 0
        }
        var rest = input[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(cut))
            rest = rest.dropFirst(piece.count)
            var result = piece.withUnsafeBytes { decoder.process($0, take) }
            while result == .stopped { result = decoder.resume { line, _ in take(line) } }
            if result == .lineTooLong { return (lines, true) }
        }
        return (lines, false)
    }
}
