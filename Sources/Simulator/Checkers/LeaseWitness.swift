import PodlingAgent

/// What a worker may believe of its lease, counted again beside its core: it is trusted until the instant at which the
/// last answered request was sent, plus the length that the master named.
final class LeaseWitness {
    private var sent: [Int: (body: WorkerRequest.Body, at: Int64)] = [:]
    private var milliseconds: Int64?
    /// Microseconds of the world's time.
    private(set) var trustedUntil: Int64 = 0

    func sent(_ id: Int, _ body: WorkerRequest.Body, at time: Int64) { sent[id] = (body, time) }

    /// - Returns: the request that was answered.
    func answered(_ id: Int, _ reply: MasterReply) -> WorkerRequest.Body? {
        guard let request = sent.removeValue(forKey: id) else { return nil }
        guard case .ok(let orders) = reply else { return request.body }
        if let named = orders.leaseMilliseconds { milliseconds = named }
        if case .hello = request.body { return request.body }
        if let milliseconds { trustedUntil = max(trustedUntil, request.at + milliseconds * 1_000) }
        return request.body
    }

    func disconnected() { sent = [:] }

    func forget() {
        sent = [:]
        milliseconds = nil
        trustedUntil = 0
    }
}
