import Glibc
import Logging

/// The limit of open files of this process, which bounds its connections.
enum DescriptorLimit {
    /// Reserve for the database, files, listening sockets and event loops.
    private static let others = 128

    /// Raises the limit as far as necessary and allowed; logs a warning where that is not enough.
    static func raise(connections: Int, httpConnections: Int, _ logger: Logger) {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        let needed = rlim_t(clamping: connections + httpConnections + others)
        guard limit.rlim_cur < needed else { return }
        let before = limit.rlim_cur
        limit.rlim_cur = min(limit.rlim_max, needed)
        if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 { limit.rlim_cur = before }
        guard limit.rlim_cur < needed else { return }
        logger.warning(
            """
            the limit of open files is lower than all connections need: raise it (ulimit -n, LimitNOFILE= in a unit), or \
            lower --connections-max
            """,
            metadata: [
                "openFiles": "\(limit.rlim_cur)", "needed": "\(needed)", "connections": "\(connections)",
                "httpConnections": "\(httpConnections)",
            ]
        )
    }
}
