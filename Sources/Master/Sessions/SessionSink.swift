import NIOCore
import PodlingCore
import PodlingTLS

/// The far end of a session: a socket, or the in-process door. Used on the master's event loop only.
protocol SessionSink: Resumable {
    /// The other end, for people.
    var peerName: String { get }
    /// What the other end has shown of itself in TLS, checked; nil where it has shown nothing.
    var certificate: CertificateFacts? { get }
    /// Takes whole lines, to be sent at `flush`.
    func deliver(_ lines: UnsafeRawBufferPointer)
    /// Sends what was delivered.
    func flush()
    /// What its peer was sent and has not read, in bytes.
    var unreadBytes: Int { get }
    /// Closes it at once, as its peer does not read.
    func closeUnread(_ why: String)
    /// Closes it if its peer sends no more and was sent all that it is due.
    func closeIfDone() -> HalfClosedSessions.Outcome
    /// Closes after what was sent.
    func close()
    /// Looks at its deadlines; called about once a second.
    func sweep(now: NIODeadline)
    /// Moves its deadlines: the master itself stood still.
    func wasStalled(by gap: TimeAmount)
}
