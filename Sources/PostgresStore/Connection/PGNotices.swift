import CLibpq

/// What the server remarked beside its results. Remarks are for people at a terminal, but for one.
struct PGNotices {
    /// The wait for a synchronous standby was given up after the commit: the server reports success, and warns (function
    /// `SyncRepWaitForLSN` of PostgreSQL's syncrep.c; its name is not translated, as the words are).
    var isCommitLocalOnly = false

    private static let functionField: Int32 = 82

    /// - Parameter notices: lives longer than the connection.
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
