import NIOCore
import PodlingCore

/// The far end of a session: a socket, or the in-process door. Used on the master's event loop only.
protocol SessionSink: AnyObject {
    /// Takes whole lines, to be sent at `flush`.
    func deliver(_ lines: UnsafeRawBufferPointer)
    /// Sends what was delivered.
    func flush()
    /// Closes after what was sent.
    func close()
    /// Looks at its deadlines; called about once a second.
    func sweep(now: NIODeadline)
}
