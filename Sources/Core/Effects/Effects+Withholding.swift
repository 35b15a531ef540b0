import PodlingProtocol

extension Effects {
    private static let assignment = "{\"ev\":\"assign\",\"taskId\":\""

    /// Takes out what is not so, as the store has refused these tasks: an answer that speaks of one becomes the error, and
    /// an assignment of one is left out.
    ///
    /// - Parameter refused: the words of the store, and the texts of the ids as they stand in a line.
    /// - Returns: the tasks whose assignment was left out.
    public mutating func withhold(_ refused: [TaskID: WireError], texts: [[UInt8]: TaskID]) -> Set<TaskID> {
        var untold: Set<TaskID> = []
        var kept = Effects()
        // Marks and lines stand in the same order.
        var next = 0
        for frame in frames {
            kept.isFree = frame.isFree
            withBytes(of: frame) { bytes in
                var start = frame.start
                for line in bytes.split(separator: 0x0A) {
                    let line = UnsafeRawBufferPointer(rebasing: line)
                    while next < marks.count, marks[next].end <= start { next += 1 }
                    let marks = marks[next...].prefix { $0.start <= start }
                    start += line.count + 1
                    if let task = Self.assigned(line).flatMap({ texts[$0] }) {
                        untold.insert(task)
                        continue
                    }
                    kept.append(line, frame.session, marks, refused)
                }
            }
        }
        replaceLines(with: kept)
        return untold
    }

    private mutating func append(
        _ line: UnsafeRawBufferPointer,
        _ session: SessionID,
        _ marks: ArraySlice<Mark>,
        _ refused: [TaskID: WireError]
    ) {
        let start = writer.count
        if let id = Self.replyID(line), !line[id.endIndex...].starts(with: ",\"err\":".utf8),
            let error = marks.lazy.filter({ $0.kind == .change }).compactMap({ refused[$0.task] }).first
        {
            reply(RequestName(session: session, id: UnsafeRawBufferPointer(rebasing: id)), error)
        } else {
            begin(session)
            writer.raw(line)
            end()
        }
        for mark in marks { self.mark(mark.task, mark.kind, from: start) }
    }

    /// The task's id in an assignment, as it stands there.
    private static func assigned(_ line: UnsafeRawBufferPointer) -> [UInt8]? {
        let head = assignment.utf8
        guard line.starts(with: head) else { return nil }
        var end = head.count
        while end < line.count, line[end] != UInt8(ascii: "\"") { end += line[end] == UInt8(ascii: "\\") ? 2 : 1 }
        return end < line.count ? Array(line[head.count..<end]) : nil
    }
}
