import PodlingCore
import PodlingProtocol

/// Where the master listens, and the bounds of its shell.
public struct MasterConfiguration: Sendable {
    public var host = "127.0.0.1"
    /// 0 lets the system choose.
    public var port = 7070
    public var connectionsMax = Limits.connectionsMaxDefault
    public var firstLineSeconds = Limits.firstLineSeconds
    public var partialLineSeconds = Limits.partialLineSeconds
    public var unreadBytesMax = Limits.unreadBytesMax
    /// How long going down may take.
    public var shutdownSeconds = 5
    /// Connections that wait to be accepted.
    public var backlog: Int32 = 1_024
    /// Turns that wait for the store.
    public var heldTurnsMax = 4_096
    public var core: CoreConfiguration

    public init(core: CoreConfiguration) {
        self.core = core
    }
}
