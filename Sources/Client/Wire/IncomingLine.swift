import PodlingProtocol

/// One line from a master, classified by its envelope (proto-spec section 4).
enum IncomingLine {
    case reply(id: Int?, Result<Reply, PodlingError>)
    /// The greeting, the first line of all.
    case hello
    case drain(reconnectMilliseconds: ClosedRange<Int>)
    /// An error that belongs to no request.
    case error(PodlingError)
    case event(subscription: Int)
    /// A kind that later versions may send.
    case unknown
    /// Not a line of this protocol.
    case foreign

    init(_ root: JSONValue) {
        if let id = root["re"] {
            if let error = root["err"] {
                self = .reply(id: id.int(), .failure(PodlingError(error)))
            } else if let ok = root["ok"] {
                let reply = Reply(
                    ok: [UInt8](ok.raw),
                    isDuplicate: root["duplicate"]?.bool() ?? false,
                    subscription: ok["sub"]?.int()
                )
                self = .reply(id: id.int(), .success(reply))
            } else {
                self = .foreign
            }
            return
        }
        guard let event = root["ev"] else {
            self = .foreign
            return
        }
        if event.stringEquals("hello") {
            self = .hello
        } else if event.stringEquals("drain") {
            self = .drain(reconnectMilliseconds: Self.reconnectRange(root))
        } else if event.stringEquals("error"), let error = root["err"] {
            self = .error(PodlingError(error))
        } else if let subscription = root["sub"]?.int() {
            self = .event(subscription: subscription)
        } else {
            self = .unknown
        }
    }

    private static func reconnectRange(_ root: JSONValue) -> ClosedRange<Int> {
        guard let range = root["reconnect_ms"] else { return 0...0 }
        let bounds = range.elements.compactMap { $0.int() }.map { min(max($0, 0), MasterLink.delayMillisecondsMax) }
        guard bounds.count == 2, bounds[0] <= bounds[1] else { return 0...0 }
        return bounds[0]...bounds[1]
    }
}

/// A successful reply.
public struct Reply: Sendable {
    /// The `ok` member: a JSON object.
    public let ok: [UInt8]
    /// Whether the idempotency key was known: this is the first task.
    public let isDuplicate: Bool
    let subscription: Int?
}
