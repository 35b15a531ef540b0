import PodlingProtocol

extension Effects {
    /// Answers the requests of a turn that will not be carried out: error replies as they are, and `error` in place of
    /// all other replies. Events are omitted.
    ///
    /// - Parameter tell: called with whole lines, each with its LF.
    package func refuse(_ error: WireError, _ tell: (SessionID, UnsafeRawBufferPointer) -> Void) {
        var refusals = Effects()
        forEachLine { line, frame, _ in
            guard let id = Self.replyID(line) else { return }
            if Self.isError(line, after: id) {
                refusals.append(line, frame.session, [])
            } else {
                refusals.appendReply(to: id, frame.session, error)
            }
        }
        for query in queries {
            (query.id ?? Array("null".utf8)).withUnsafeBytes {
                refusals.reply(Request(session: query.session, id: $0), error)
            }
        }
        for frame in refusals.frames { refusals.withBytes(of: frame) { tell(frame.session, $0) } }
    }
}
