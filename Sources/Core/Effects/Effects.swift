import PodlingProtocol

/// What a turn of the core wants done: lines to send, connections to close. The caller owns it and reuses it.
///
/// Lines stand in one buffer; a frame is a run of them for one session, in the order of sending.
public struct Effects: ~Copyable {
    public struct Frame: Sendable {
        public var session: SessionID
        /// Offsets into the buffer, in bytes.
        public var start: Int
        public var end: Int
        /// It says nothing of what the turn has changed, but where a mark says so.
        var isFree: Bool
    }

    /// A request that the store is to answer.
    public struct Query: Sendable {
        public var session: SessionID
        /// The `id` as it was sent.
        var id: [UInt8]?
        public var query: StoreQuery
        /// What is done with a task that the store has.
        var wish = TaskWish.get
        /// What is to be taken once it is known which of them the store has.
        var importing: [ImportedTask] = []
        /// Of imports that were taken before it was asked.
        var importNumber = 0
    }

    struct Mark {
        enum Kind {
            /// The task was changed, or is said to be there.
            case change
            /// It tells how the task is, and can be asked again.
            case read
            /// It begins or ends something that tells how the task is.
            case subscription
            /// It is said again, and was or will be said besides.
            case reminder

            init(_ effect: OperationRow.Effect) {
                switch effect {
                case .read: self = .read
                case .subscription: self = .subscription
                case .change: self = .change
                }
            }
        }

        /// Offsets into the buffer; the reply is in them, and may not be alone.
        var start: Int
        var end: Int
        var task: TaskID
        var kind: Kind
    }

    private static let bytesKeptMax = 4 * 1024 * 1024
    private static let denialsMax = 64

    public internal(set) var frames: [Frame] = []
    /// To be closed once their frames are sent.
    public internal(set) var closing: [SessionID] = []
    /// To be asked once the frames are sent, and answered with `MasterCore.answer`.
    public internal(set) var queries: [Query] = []
    /// To be logged; the first of a turn.
    public internal(set) var denials: [Denial] = []
    /// Denials of the turn that are not among them.
    public internal(set) var denialsLeftOut = 0
    /// Which bytes say something of a task.
    private(set) var marks: [Mark] = []
    /// Whether what is written now says nothing of a change, but where a mark says so: it need not wait for the store.
    var isFree = true
    var writer = JSONWriter(capacityBytes: 64 * 1024)
    private var target = SessionID(slot: -1, generation: 0)
    private var start = 0

    public init() {}

    public var isEmpty: Bool { frames.isEmpty && closing.isEmpty && queries.isEmpty }
    /// Whether there is nothing to carry out.
    public var isNothing: Bool { isEmpty && denials.isEmpty && denialsLeftOut == 0 }
    public var byteCount: Int { writer.count }

    public mutating func removeAll() {
        frames.removeAll(keepingCapacity: true)
        closing.removeAll(keepingCapacity: true)
        queries.removeAll()
        if !denials.isEmpty { denials.removeAll() }
        denialsLeftOut = 0
        if !marks.isEmpty { marks.removeAll(keepingCapacity: true) }
        isFree = true
        writer.removeAll(shrinkAboveBytes: Self.bytesKeptMax)
    }

    /// The bytes of a frame: whole lines, each with its LF.
    public func withBytes<R>(of frame: Frame, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try writer.withUnsafeBytes(in: frame.start..<frame.end, body)
    }

    mutating func close(_ session: SessionID) { closing.append(session) }

    mutating func deny(_ denial: Denial) {
        if denials.count < Self.denialsMax { denials.append(denial) } else { denialsLeftOut += 1 }
    }

    mutating func ask(_ query: Query) { queries.append(query) }

    mutating func mark(_ task: TaskID, _ kind: Mark.Kind, from start: Int) {
        marks.append(Mark(start: start, end: writer.count, task: task, kind: kind))
    }

    /// Puts other lines in the place of all there are.
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

    /// Ends the line; runs for the same session become one frame.
    mutating func end() {
        writer.newline()
        if let last = frames.last, last.session == target, last.end == start, last.isFree == isFree {
            frames[frames.count - 1].end = writer.count
        } else {
            frames.append(Frame(session: target, start: start, end: writer.count, isFree: isFree))
        }
    }

    mutating func beginReply(_ request: some Asked) {
        begin(request.session)
        writer.raw("{\"re\":")
        writeID(request)
        writer.raw(",\"ok\":")
    }

    mutating func endReply() {
        writer.byte(UInt8(ascii: "}"))
        end()
    }

    mutating func replyEmpty(_ request: Request) {
        begin(request.session)
        writer.raw("{\"re\":")
        writeID(request)
        writer.raw(",\"ok\":{}}")
        end()
    }

    mutating func reply(_ request: some Asked, _ error: WireError) {
        begin(request.session)
        writer.raw("{\"re\":")
        writeID(request)
        writer.raw(",\"err\":")
        error.write(to: &writer)
        endReply()
    }

    mutating func sendError(_ error: WireError, to session: SessionID) {
        begin(session)
        error.writeEvent(to: &writer)
        end()
    }

    mutating func writeID(_ request: some Asked) {
        if let id = request.id { writer.raw(id) } else { writer.raw("null") }
    }
}

/// What a reply needs to know of its request.
protocol Asked {
    var session: SessionID { get }
    /// The `id` as it was sent.
    var id: UnsafeRawBufferPointer? { get }
}

/// A request while it is executed; it points into the line.
struct Request: Asked {
    var session: SessionID
    var id: UnsafeRawBufferPointer?
    var root: JSONValue
}

/// A request whose line is gone.
struct RequestName: Asked {
    var session: SessionID
    var id: UnsafeRawBufferPointer?
}
