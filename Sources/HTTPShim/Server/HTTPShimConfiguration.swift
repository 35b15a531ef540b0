public import PodlingMaster

/// Where the shim listens, and its bounds.
public struct HTTPShimConfiguration: Sendable {
    /// Address or name to listen on.
    public var host: String
    /// TCP port; 0 for any free one.
    public var port: Int
    /// By which it is asked where nobody is asked who they are.
    public var hostNames = HostNames([])
    /// nil is plain text.
    public var tls: ServerTLS?
    /// One request's body; longer ones are answered 413.
    public var bodyBytesMax = 1024 * 1024
    /// All header fields of one request.
    public var headerBytesMax = 16 * 1024
    /// Connections with a request under way; beside them are those that ask how the master is, and those without a request.
    public var requestsMax = 1000
    /// Connections open at once; more of them wait in the kernel's backlog. Some of them have just been told to go.
    public var connectionsMax: Int {
        let goingMax = 64
        return requestsMax + HTTPConnections.reservedForProbes + goingMax
    }
    /// How long a connection may take for a request's head, stand idle, or pause within a body.
    public var idleTimeoutSeconds = 30
    /// How long a whole body may take.
    public var bodyTimeoutSeconds = 30
    /// How long a connection may move no byte either way: for peers that do not read what they asked for.
    public var stallTimeoutSeconds = 60
    /// How long one request may wait for the master.
    public var requestTimeoutSeconds = 30
    /// Connections to the master that all requests share.
    public var doorSessionsMax = 4
    /// Nodes registered over HTTP at a time; each has its own connection to the master.
    public var nodesMax = 1000

    public init(host: String = "127.0.0.1", port: Int = 8070, tls: ServerTLS? = nil) {
        self.host = host
        self.port = port
        self.tls = tls
    }
}
