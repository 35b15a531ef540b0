import PodlingProtocol

/// The output of a turn of the core: lines to send, connections to close. The caller owns it and reuses it.
///
/// Lines are stored in one buffer; a frame is a run of lines for one session, in the order of sending.
package struct Effects: ~Copyable {
    package struct Frame: Sendable {
        package var session: SessionID
        /// Byte offsets into the buffer.
        package var start: Int
        package var end: Int
        /// The frame reports no change of the turn, except where a mark says so.
        var isFree: Bool
    }

    /// A request that the store is to answer.
    package struct Query: Sendable {
        package var session: SessionID
        /// The `id` as it was sent.
        var id: [UInt8]?
        package var query: StoreQuery
        /// The operation to carry out on a task that the store has.
        var operation = TaskOperation.get
        /// The tasks to import once it is known which of them the store has.
        var importing: [ImportedTask] = []
        /// The number of imports taken before the store was asked.
        var importNumber = 0
    }

    struct Mark {
        enum Kind {
            /// The line reports that the task was changed or exists.
            case change
            /// The line reports the task's state, and the request can be repeated.
            case read
            /// The line begins or ends a subscription to the task's state.
            case subscription
            /// The line repeats another line that was or will be sent as well.
            case reminder
            /// The bytes are the task's in a page that may come without them.
            case item

            init(_ effect: OperationRow.Effect) {
                switch effect {
                case .read: self = .read
                case .subscription: self = .subscription
                case .change: self = .change
                }
            }
        }

        /// Byte offsets into the buffer; the range contains the reply, and possibly other lines. That of an item is
        /// within the line.
        var start: Int
        var end: Int
        var task: TaskID
        var kind: Kind
    }

    private static let bytesKeptMax = 4 * 1024 * 1024
    private static let denialsMax = 64

    package internal(set) var frames: [Frame] = []
    /// Sessions to close once their frames are sent.
    package internal(set) var closing: [SessionID] = []
    /// Queries to submit to the store once the frames are sent; `MasterCore.answer` takes the results.
    package internal(set) var queries: [Query] = []
    /// Denials to log: the first ones of the turn.
    package internal(set) var denials: [Denial] = []
    /// The number of the turn's further denials.
    package internal(set) var denialsLeftOut = 0
    /// The byte ranges that report something of a task.
    private(set) var marks: [Mark] = []
    /// Whether the lines written now report no change, except where a mark says so, and so need not wait for the store.
    var isFree = true
    var writer = JSONWriter(capacityBytes: 64 * 1024)
    private var target = SessionID(slot: -1, generation: 0)
    private var start = 0

    package init() {}

    package var isEmpty: Bool { frames.isEmpty && closing.isEmpty && queries.isEmpty }
    /// Whether there is nothing to carry out.
    package var isNothing: Bool { isEmpty && denials.isEmpty && denialsLeftOut == 0 }
    package var byteCount: Int { writer.count }

    package mutating func removeAll() {
        frames.removeAll(keepingCapacity: true)
        closing.removeAll(keepingCapacity: true)
        queries.removeAll()
        if !denials.isEmpty { denials.removeAll() }
        denialsLeftOut = 0
        if !marks.isEmpty { marks.removeAll(keepingCapacity: true) }
        isFree = true
        writer.removeAll(shrinkAboveBytes: Self.bytesKeptMax)
    }

    /// Whether there is something to carry out besides its lines.
    package var hasBesidesLines: Bool {
        !(closing.isEmpty && queries.isEmpty && denials.isEmpty && denialsLeftOut == 0)
    }

    /// Calls `body` with the bytes of a frame: whole lines, each with its LF.
    package func withBytes<R>(of frame: Frame, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try writer.withUnsafeBytes(in: frame.start..<frame.end, body)
    }

    /// Calls `body` with each frame, in order.
    package func forEachFrame(_ body: (SessionID, UnsafeRawBufferPointer) -> Void) {
        for frame in frames { withBytes(of: frame) { body(frame.session, $0) } }
    }

    mutating func close(_ session: SessionID) { closing.append(session) }

    mutating func deny(_ denial: Denial) {
        if denials.count < Self.denialsMax { denials.append(denial) } else { denialsLeftOut += 1 }
    }

    mutating func ask(_ query: Query) { queries.append(query) }

    mutating func mark(_ task: TaskID, _ kind: Mark.Kind, from start: Int) {
        marks.append(Mark(start: start, end: writer.count, task: task, kind: kind))
    }

    /// Repeats a mark of a line that was copied to this offset.
    mutating func mark(_ mark: Mark, ofLineAt start: Int) {
        guard mark.kind == .item else { return self.mark(mark.task, mark.kind, from: start) }
        marks.append(Mark(start: start + mark.start, end: start + mark.end, task: mark.task, kind: .item))
    }

    /// Replaces all lines.
    mutating func replaceLines(with other: consuming Effects) {
        frames = other.frames
        marks = other.marks
        writer = other.writer
    }

    // MARK: Writing one line

    mutating func begin(_ session: SessionID) {
        target = session
        start = writer.count
    }

    /// Ends the line; consecutive lines for the same session become one frame.
    mutating func end() {
        writer.newline()
        if let last = frames.last, last.session == target, last.end == start, last.isFree == isFree {
            frames[frames.count - 1].end = writer.count
        } else {
            frames.append(Frame(session: target, start: start, end: writer.count, isFree: isFree))
        }
    }

    /// Begins an event; its members come next.
    @inline(__always)
    mutating func beginEvent(_ name: StaticString, to session: SessionID) {
        begin(session)
        writer.beginObject("ev", word: name)
    }

    mutating func endEvent() {
        writer.endObject()
        end()
    }

    /// Begins a reply; the value of its `ok` comes next.
    mutating func beginReply(_ request: Request, isDuplicate: Bool = false) {
        begin(request.session)
        writer.beginObject("re")
        writeID(request)
        if isDuplicate { writer.member("duplicate", true) }
        writer.key("ok")
    }

    mutating func endReply() {
        writer.endObject()
        end()
    }

    mutating func replyEmpty(_ request: Request) {
        beginReply(request)
        writer.raw("{}")
        endReply()
    }

    mutating func reply(_ request: Request, _ error: WireError) {
        begin(request.session)
        writer.beginObject("re")
        writeID(request)
        writer.key("err")
        error.write(to: &writer)
        endReply()
    }

    mutating func sendError(_ error: WireError, to session: SessionID) {
        begin(session)
        error.writeEvent(to: &writer)
        end()
    }

    private mutating func writeID(_ request: Request) {
        if let id = request.id { writer.raw(id) } else { writer.raw("null") }
    }
}

/// The parts of a request that its reply needs.
struct Request {
    var session: SessionID
    /// The `id` as it was sent.
    var id: UnsafeRawBufferPointer?
}
