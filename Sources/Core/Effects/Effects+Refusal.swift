import PodlingProtocol

extension Effects {
    /// What those are to be told who asked for this and will not get it: its errors as they are, and `error` in place of
    /// all else that it answers. Events are left out.
    ///
    /// - Parameter tell: gets whole lines, each with its LF.
    public func refuse(_ error: WireError, _ tell: (SessionID, UnsafeRawBufferPointer) -> Void) {
        var refusals = Effects()
        for frame in frames {
            withBytes(of: frame) { bytes in
                for line in bytes.split(separator: 0x0A) {
                    let line = UnsafeRawBufferPointer(rebasing: line)
                    guard let id = Self.replyID(line) else { continue }
                    if line[id.endIndex...].starts(with: ",\"err\":".utf8) {
                        refusals.begin(frame.session)
                        refusals.writer.raw(line)
                        refusals.end()
                    } else {
                        let name = RequestName(session: frame.session, id: UnsafeRawBufferPointer(rebasing: id))
                        refusals.reply(name, error)
                    }
                }
            }
        }
        for query in queries {
            (query.id ?? Array("null".utf8)).withUnsafeBytes {
                refusals.reply(RequestName(session: query.session, id: $0), error)
            }
        }
        for frame in refusals.frames { refusals.withBytes(of: frame) { tell(frame.session, $0) } }
    }

    /// The `re` of a reply as it stands there; nil for an event.
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
}
