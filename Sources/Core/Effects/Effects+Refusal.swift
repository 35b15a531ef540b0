import PodlingProtocol

extension Effects {
    /// What those are to be told who asked for this and will not get it: its errors as they are, and `error` in place of
    /// all else that it answers. Events are left out.
    ///
    /// - Parameter tell: gets whole lines, each with its LF.
    public func refuse(_ error: WireError, _ tell: (SessionID, UnsafeRawBufferPointer) -> Void) {
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
                refusals.reply(RequestName(session: query.session, id: $0), error)
            }
        }
        for frame in refusals.frames { refusals.withBytes(of: frame) { tell(frame.session, $0) } }
    }
}
