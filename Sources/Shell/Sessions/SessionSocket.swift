/// The connection of a session, as the session sees it. It may call the session back from within a write, about anything.
package protocol SessionSocket: AnyObject {
    /// The peer's human-readable name.
    var peerName: String { get }
    /// What the peer has shown.
    var credentials: PeerCredentials { get }
    /// Whether it is open.
    var isActive: Bool { get }
    /// Whether what is written leaves soon.
    var isWritable: Bool { get }
    /// Bytes that were written and have not left.
    var unsentBytes: Int { get }

    /// Reads once more.
    func read()
    /// Buffers whole lines, to be sent at `flush`.
    func buffer(_ lines: UnsafeRawBufferPointer)
    /// Bytes buffered since the last `flush`.
    var bufferedBytes: Int { get }
    func flush()
    /// Calls `SessionShell.passedMarker` once all that was written has left.
    func mark()
    /// Closes once all that was written has left, or after this time.
    func closeAfterFlush(withinSeconds seconds: Int)
    /// Closes at once.
    func close()
    /// Notes for the log that the peer speaks TLS where none is spoken.
    func spokeTLS()
}
