/// An error on the client's side of the wire.
public enum ClientError: Error, Hashable, CustomStringConvertible {
    /// No master could be reached; with one reason for each address that was tried.
    case unreachable([String])
    /// No master could be reached, and a retry cannot help before somebody changes something: TLS, or a token in
    /// plaintext.
    case refused([String])
    /// Masters answer, but none of them leads; with one text for each address that was tried.
    case noLeader([String])
    /// A server answers there, but does not speak the protocol.
    case notAMaster(MasterAddress)
    /// The master does not speak version 1.
    case unsupportedVersion(MasterAddress, low: Int, high: Int)
    /// The connection ended before the reply came.
    case connectionLost(LineConnectionError)
    /// No reply came within this time.
    case deadlineExceeded(seconds: Int)
    /// The reply is invalid.
    case badReply(String)
    /// A text is not one JSON object; with the reason.
    case badSpec(String)

    /// A human-readable reason; not safe for a terminal as it is.
    public var description: String {
        switch self {
        case .unreachable(let reasons), .refused(let reasons): reasons.joined(separator: "; ")
        case .noLeader(let reasons): "no master leads now: \(reasons.joined(separator: "; "))"
        case .notAMaster(let address): "what listens on \(address) is not a podling-master"
        case .unsupportedVersion(let address, let low, let high):
            "the master at \(address) speaks protocol \(low) to \(high), this program speaks 1"
        case .connectionLost(let reason): "\(reason)"
        case .deadlineExceeded(let seconds): "the master did not answer within \(seconds) s"
        case .badReply(let what): "the master's answer is not understood: \(what)"
        case .badSpec(let why): "not a task spec: \(why)"
        }
    }
}
