import PodlingProtocol

/// The `taskId` of a request: a text that may be the id of a task. It points into the line.
struct TaskName {
    private let value: JSONValue
    /// The id, if it has the form of our own.
    let ownID: TaskID?

    @inline(__always)
    init(_ value: JSONValue) throws(WireError) {
        self.value = value
        ownID = value.isString ? value.withUTF8 { TaskID($0) } : nil
        if ownID == nil { _ = try value.taskID() }
    }

    /// Reads the member of a request.
    @inline(__always)
    init(of root: JSONValue) throws(WireError) { try self.init(root.required("taskId")) }

    var text: String { value.string() ?? "" }

    var bytes: [UInt8] { value.withUTF8 { [UInt8]($0) } }
}
