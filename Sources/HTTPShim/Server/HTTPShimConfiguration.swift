import PodlingMaster

/// The listening address of the HTTP interface, and its limits.
package struct HTTPShimConfiguration: Sendable {
    /// Address or name to listen on.
    package var host: String
    /// TCP port; 0 for any free one.
    package var port: Int
    /// Accepted values of `Host` where no authentication is required.
    package var hostNames = HostNames([])
    /// nil serves plain text.
    package var tls: ServerTLS?
    /// Size limit of a request's body; longer ones are answered 413.
    package var bodyBytesMax = 1024 * 1024
    /// Size limit of the bodies of all requests in progress together; beyond it the answer is 503.
    package var bodiesBytesMax = 64 * 1024 * 1024
    /// Size limit of all header fields of one request.
    package var headerBytesMax = 16 * 1024
    /// Connections with a request in progress; health probes and idle connections are counted separately.
    package var requestsMax = 1000
    /// Connections open at once; more of them wait in the kernel's backlog. The limit includes some that are being
    /// closed.
    package var connectionsMax: Int {
        let goingMax = 64
        return requestsMax + HTTPConnections.reservedForProbes + goingMax
    }
    /// Time limit for the head of a request, for an idle connection, and for a pause within a body.
    package var idleTimeoutSeconds = 30
    /// Time limit for a whole body.
    package var bodyTimeoutSeconds = 30
    /// Time limit for a connection on which no byte moves either way: for peers that do not read.
    package var stallTimeoutSeconds = 60
    /// Time limit of one request to the master.
    package var requestTimeoutSeconds = 30
    /// In-process connections to the master that all requests share.
    package var doorSessionsMax = 4
    /// Nodes registered over HTTP at a time; each has its own connection to the master.
    package var nodesMax = 1000

    package init(host: String = "127.0.0.1", port: Int = 8070, tls: ServerTLS? = nil) {
        self.host = host
        self.port = port
        self.tls = tls
    }
}
