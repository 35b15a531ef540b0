import CLibpq

/// The server's notices. All but one are for a human at a terminal, and are dropped.
struct PGNotices {
    /// The wait for a synchronous standby was cancelled after the commit: the server reports success with a warning
    /// (function `SyncRepWaitForLSN` of PostgreSQL's syncrep.c; the function's name is not localized, as the message
    /// is).
    var isCommitLocalOnly = false

    private static let functionField: Int32 = 82

    /// - Parameter notices: must outlive the connection.
    static func install(_ notices: UnsafeMutablePointer<PGNotices>, on connection: OpaquePointer) {
        _ = PQsetNoticeReceiver(
            connection,
            { context, result in
                guard let context, let name = PQresultErrorField(result, PGNotices.functionField) else { return }
                guard String(cString: name) == "SyncRepWaitForLSN" else { return }
                context.assumingMemoryBound(to: PGNotices.self).pointee.isCommitLocalOnly = true
            },
            notices
        )
    }
}
