import PodlingProtocol

/// Line-by-line access to a turn's output, for operations that remove some of its lines.
extension Effects {
    /// Calls `body` with each line, without its LF, in order, together with its marks; the offsets of items count from
    /// the start of the line.
    func forEachLine(_ body: (UnsafeRawBufferPointer, Frame, [Mark]) -> Void) {
        // Marks are in the order of the lines.
        var next = 0
        for frame in frames {
            withBytes(of: frame) { bytes in
                var start = frame.start
                for line in bytes.split(separator: 0x0A) {
                    while next < marks.count, marks[next].end <= start { next += 1 }
                    let end = start + line.count
                    var lineMarks = Array(marks[next...].prefix { $0.start <= ($0.kind == .item ? end : start) })
                    for index in lineMarks.indices where lineMarks[index].kind == .item {
                        lineMarks[index].start -= start
                        lineMarks[index].end -= start
                    }
                    start = end + 1
                    body(UnsafeRawBufferPointer(rebasing: line), frame, lineMarks)
                }
            }
        }
    }

    /// Appends a line of another turn, with its marks.
    mutating func append(_ line: UnsafeRawBufferPointer, _ session: SessionID, _ marks: [Mark]) {
        let start = writer.count
        begin(session)
        writer.raw(line)
        end()
        for mark in marks { self.mark(mark, ofLineAt: start) }
    }

    /// Appends the reply with a page without some of its items, and with their number.
    mutating func appendPage(_ line: UnsafeRawBufferPointer, _ session: SessionID, without items: [Mark]) {
        begin(session)
        var from = 0
        for (index, item) in items.enumerated() {
            let isLastOfRun = index + 1 == items.count || items[index + 1].start != item.end + 1
            guard isLastOfRun else { continue }
            var first = index
            while first > 0, items[first - 1].end + 1 == items[first].start { first -= 1 }
            // The comma after the run goes as well, or, at the end of the array, the one before it.
            var (start, end) = (items[first].start, item.end)
            if line[end] == UInt8(ascii: ",") {
                end += 1
            } else if line[start - 1] == UInt8(ascii: ",") {
                start -= 1
            }
            writer.raw(UnsafeRawBufferPointer(rebasing: line[from..<start]))
            from = end
        }
        let braces = 2
        writer.raw(UnsafeRawBufferPointer(rebasing: line[from..<line.count - braces]))
        writer.member("withheld", items.count)
        writer.endObject()
        endReply()
    }

    /// Appends an error in place of the reply to a request.
    mutating func appendReply(
        to id: Slice<UnsafeRawBufferPointer>,
        _ session: SessionID,
        _ error: WireError,
        _ marks: [Mark] = []
    ) {
        let start = writer.count
        reply(Request(session: session, id: UnsafeRawBufferPointer(rebasing: id)), error)
        for mark in marks where mark.kind != .item { self.mark(mark.task, mark.kind, from: start) }
    }

    /// The bytes of a reply's `re`; nil for an event.
    static func replyID(_ line: UnsafeRawBufferPointer) -> Slice<UnsafeRawBufferPointer>? {
        let head = "{\"re\":".utf8
        guard line.starts(with: head), line.count > head.count else { return nil }
        var end = head.count
        if line[end] == UInt8(ascii: "\"") {
            end += 1
            while end < line.count, line[end] != UInt8(ascii: "\"") {
                end += line[end] == UInt8(ascii: "\\") ? 2 : 1
            }
            end += 1
        } else {
            while end < line.count, line[end] != UInt8(ascii: ",") { end += 1 }
        }
        return end <= line.count ? line[head.count..<end] : nil
    }

    static func isError(_ line: UnsafeRawBufferPointer, after id: Slice<UnsafeRawBufferPointer>) -> Bool {
        line[id.endIndex...].starts(with: ",\"err\":".utf8)
    }
}
