import PodlingProtocol

extension PodlingClient {
    /// Waits until a task is terminal (proto-spec section 6.7), without a deadline; cancel the Swift task to give up.
    ///
    /// - Returns: the task as it ended.
    /// - Throws: `PodlingError`: `not_found`, `unavailable`; `ClientError.connectionLost` where the connection ends
    ///   first; `CancellationError`.
    public func wait(taskId: String) async throws -> TaskView {
        let (sink, events) = SubscriptionSink<TaskView>.make { event in
            guard event["ev"]?.stringEquals("done") == true, let task = event["task"] else { return .ignored }
            return .last(try TaskView(task))
        }
        _ = try await request("wait", Self.members(taskId: taskId), sink: sink)
        for try await task in events { return task }
        try Task.checkCancellation()
        throw ClientError.badReply("wait ended without a task")
    }

    /// Subscribes to the transitions of all tasks, or of one (proto-spec section 6.8).
    ///
    /// - Parameters:
    ///   - taskId: the one task; nil is all.
    ///   - cursor: continues after it; nil begins now.
    /// - Returns: the cursor of the beginning, and the events; those of one task end with `done`, those of all never.
    /// - Throws: `PodlingError`: `not_found`, `unavailable`, `cursor_expired` (begin again without a cursor);
    ///   `ClientError`, `CancellationError`. The iteration throws `ClientError.connectionLost`.
    public func watch(
        taskId: String? = nil,
        cursor: String? = nil
    ) async throws -> (cursor: String?, events: Subscription<WatchEvent>) {
        let (sink, events) = SubscriptionSink<WatchEvent>.make { event in
            switch try WatchEvent(event) {
            case nil: .ignored
            case .done(let task)?: .last(.done(task))
            case let told?: .element(told)
            }
        }
        var object = ObjectWriter()
        object.string("taskId", taskId)
        object.string("cursor", cursor)
        let reply = try await request("watch", object.finish(), sink: sink)
        return (try JSONReader.read(reply.ok) { $0["cursor"]?.string() }, events)
    }

    /// Reads the output of a task's latest attempt (proto-spec section 6.9).
    ///
    /// - Parameters:
    ///   - taskId: the task; it may have ended.
    ///   - from: the position to begin at; has precedence over `tailBytes`.
    ///   - tailBytes: bytes from the end, 0 to 1,048,576; nil is the master's default of 65,536.
    ///   - isFollowing: continues until the attempt ends.
    /// - Returns: the attempt (0 where there is none yet), and the events, the last of them `end`.
    /// - Throws: `PodlingError`: `not_found`, `unavailable` (the node is away); `ClientError`, `CancellationError`. The
    ///   iteration throws `ClientError.connectionLost`.
    public func logs(
        taskId: String,
        from: LogPlace? = nil,
        tailBytes: Int? = nil,
        isFollowing: Bool = false
    ) async throws -> (attempt: Int, events: Subscription<LogEvent>) {
        let (sink, events) = SubscriptionSink<LogEvent>.make { event in
            switch try LogEvent(event) {
            case .none: .ignored
            case .some(.end(let end)): .last(.end(end))
            case .some(let output): .element(output)
            }
        }
        var object = ObjectWriter()
        object.string("taskId", taskId)
        if let from {
            var place = ObjectWriter()
            place.int("attempt", from.attempt)
            place.int("stdout", from.stdoutBytes)
            place.int("stderr", from.stderrBytes)
            object.json("from", place.finish())
        } else {
            object.int("tail", tailBytes)
        }
        object.bool("follow", isFollowing)
        let reply = try await request("logs", object.finish(), sink: sink)
        return (try JSONReader.read(reply.ok) { $0["attempt"]?.int() ?? 0 }, events)
    }
}
