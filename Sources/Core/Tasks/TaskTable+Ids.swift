import PodlingProtocol

/// The position at which a page of `list` ended: the last task examined, whether or not it still exists.
enum TaskCursor {
    case ours(TaskID)
    case foreign(ForeignTaskIDs.Key)

    /// Fails if the value is not a cursor.
    init?(_ value: JSONValue) {
        if let id = value.isString ? value.withUTF8({ TaskID($0) }) : nil {
            self = .ours(id)
            return
        }
        guard let text = value.string(), let slash = text.firstIndex(of: "/"), let createdAt = Int64(text[..<slash])
        else { return nil }
        self = .foreign(ForeignTaskIDs.Key(createdAt: createdAt, text: Array(text[text.index(after: slash)...].utf8)))
    }

    init(_ row: TaskRow) {
        self =
            row.foreignID.map { .foreign(ForeignTaskIDs.Key(createdAt: row.createdAt, text: Array($0.utf8))) }
            ?? .ours(row.id)
    }

    /// The cursor as a page shows it.
    var pageText: String {
        switch self {
        case .ours(let id): id.text
        case .foreign(let key): "\(key.createdAt)/\(text)"
        }
    }

    /// The id of the task.
    var text: String {
        switch self {
        case .ours(let id): id.text
        case .foreign(let key): String(decoding: key.text, as: UTF8.self)
        }
    }
}

extension TaskTable {
    // MARK: Ids as text

    /// The id that a request names, of a held or forgotten task.
    func id(_ name: TaskName) -> TaskID? {
        if let id = name.ownID { return id }
        return foreign.count == 0 ? nil : foreign.id(of: name.bytes)
    }

    /// The id that a text denotes, of a held or forgotten task.
    func id(_ text: [UInt8]) -> TaskID? { text.withUnsafeBytes { TaskID($0) } ?? foreign.id(of: text) }

    /// The slot of the task that a request names.
    func slot(of name: TaskName) -> TaskSlot? { id(name).flatMap { slot(of: $0) } }

    func text(of id: TaskID) -> String {
        id.isForeign ? String(decoding: foreign.text(of: id), as: UTF8.self) : id.text
    }

    /// Appends an id in quotes.
    @inline(__always)
    func write(_ id: TaskID, to writer: inout JSONWriter) {
        if id.isForeign { writeForeign(id, to: &writer) } else { id.write(to: &writer) }
    }

    @inline(never)
    private func writeForeign(_ id: TaskID, to writer: inout JSONWriter) {
        foreign.text(of: id).withUnsafeBytes { writer.string($0) }
    }

    // MARK: The order of `list`

    /// The number of places in the order, gaps included.
    var placeCount: Int { foreign.count + order.count }

    func id(at place: Int) -> TaskID {
        place < foreign.count ? foreign.id(at: place) : order.id(at: place - foreign.count)
    }

    /// The slot at a place of the order; nil for a gap.
    func slot(at place: Int) -> TaskSlot? {
        place < foreign.count ? foreign.slot(of: foreign.id(at: place)) : order.slot(at: place - foreign.count)
    }

    /// The first place not before a cursor, or, with `isAfter`, the first after it.
    func place(of cursor: TaskCursor, isAfter: Bool) -> Int {
        switch cursor {
        case .ours(let id): foreign.count + order.firstIndex(notBefore: isAfter ? id.next : id)
        case .foreign(let key): foreign.place(of: key, isAfter: isAfter)
        }
    }

    func cursor(of id: TaskID) -> TaskCursor { id.isForeign ? .foreign(foreign.key(of: id)) : .ours(id) }
}
