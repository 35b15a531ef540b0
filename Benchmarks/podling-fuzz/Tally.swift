import LoadSupport

/// What all sessions together did and got.
struct Tally {
    var connections = 0
    var lines = 0
    var sentBytes = 0
    var replies = 0
    var events = 0
    var receivedBytes = 0
    /// Sessions that the master ended.
    var ended = 0
    /// Sessions that asked once more, and got that answer.
    var answered = 0
    var errors: [String: Int] = [:]

    var text: String {
        let codes = errors.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
        return
            "connections=\(connections) lines=\(lines) sent=\(sentBytes >> 20)MiB received=\(receivedBytes >> 20)MiB "
            + "replies=\(replies) events=\(events) answered=\(answered) ended-by-master=\(ended) errors=\(codes)"
    }
}
