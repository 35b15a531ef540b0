import PodlingProtocol

extension Effects {
    private static let assignment = "{\"ev\":\"assign\",\"taskId\":\""

    /// Removes lines that are no longer true after the store refused these tasks: a reply that reports one becomes the
    /// error, and an assignment of one is withheld.
    ///
    /// - Parameter refused: the errors of the store, and the texts of the ids as they appear in a line.
    /// - Returns: the tasks whose assignment was withheld.
    package mutating func withhold(_ refused: [TaskID: WireError], texts: [[UInt8]: TaskID]) -> Set<TaskID> {
        var untold: Set<TaskID> = []
        var kept = Effects()
        forEachLine { line, frame, marks in
            kept.isFree = frame.isFree
            if let task = Self.assigned(line).flatMap({ texts[$0] }) {
                untold.insert(task)
            } else if let id = Self.replyID(line), !Self.isError(line, after: id),
                let error = marks.lazy.filter({ $0.kind == .change }).compactMap({ refused[$0.task] }).first
            {
                kept.appendReply(to: id, frame.session, error, marks)
            } else {
                kept.append(line, frame.session, marks)
            }
        }
        replaceLines(with: kept)
        return untold
    }

    /// The task's id in an assignment, as it appears in the line.
    private static func assigned(_ line: UnsafeRawBufferPointer) -> [UInt8]? {
        let head = assignment.utf8
        guard line.starts(with: head) else { return nil }
        var end = head.count
        while end < line.count, line[end] != UInt8(ascii: "\"") { end += line[end] == UInt8(ascii: "\\") ? 2 : 1 }
        return end < line.count ? Array(line[head.count..<end]) : nil
    }
}
