import PodlingProtocol

/// Line-by-line access to a turn's output, for operations that remove some of its lines.
extension Effects {
    /// Calls `body` with each line, without its LF, in order, together with its marks.
    func forEachLine(_ body: (UnsafeRawBufferPointer, Frame, ArraySlice<Mark>) -> Void) {
        // Marks are in the order of the lines.
        var next = 0
        for frame in frames {
            withBytes(of: frame) { bytes in
                var start = frame.start
                for line in bytes.split(separator: 0x0A) {
                    while next < marks.count, marks[next].end <= start { next += 1 }
                    let lineMarks = marks[next...].prefix { $0.start <= start }
                    start += line.count + 1
                    body(UnsafeRawBufferPointer(rebasing: line), frame, lineMarks)
                }
            }
        }
    }

    /// Appends a line of another turn, with its marks.
    mutating func append(_ line: UnsafeRawBufferPointer, _ session: SessionID, _ marks: ArraySlice<Mark>) {
        let start = writer.count
        begin(session)
        writer.raw(line)
        end()
        for mark in marks { self.mark(mark.task, mark.kind, from: start) }
    }

    /// Appends an error in place of the reply to a request.
    mutating func appendReply(
        to id: Slice<UnsafeRawBufferPointer>,
        _ session: SessionID,
        _ error: WireError,
        _ marks: ArraySlice<Mark> = []
    ) {
        let start = writer.count
        reply(Request(session: session, id: UnsafeRawBufferPointer(rebasing: id)), error)
        for mark in marks { self.mark(mark.task, mark.kind, from: start) }
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
