import PodlingCore

/// The peer's end of a session: a socket, or the in-process transport. Used on the master's event loop only.
package protocol SessionSink: Resumable {
    /// The peer's human-readable name.
    var peerName: String { get }
    /// What the peer has shown when the session is opened.
    var credentials: PeerCredentials { get }
    /// Buffers whole lines, to be sent at `flush`.
    func deliver(_ lines: UnsafeRawBufferPointer)
    /// Sends the buffered lines.
    func flush()
    /// Bytes sent to the peer that it has not read.
    var unreadBytes: Int { get }
    /// Closes at once a session whose peer does not read.
    func closeUnread(_ why: String)
    /// Closes it if its peer has closed its sending side and has received everything due to it.
    func closeIfDone() -> HalfClosedSessions.Outcome
    /// Closes after the buffered output.
    func close()
    /// Enforces its deadlines; called about once a second.
    func sweep(now: Tick)
    /// Extends its deadlines by the time for which the master itself was stalled.
    func wasStalled(milliseconds: Int64)
}
