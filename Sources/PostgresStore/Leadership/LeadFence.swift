/// The fencing token, the epoch of the lead, which each transaction of a leader checks first.
struct LeadFence {
    var epoch = 0
    /// The holder of the lead. After a failover that lost commits, an epoch may be issued twice.
    var holder: String?
    /// `serverStart` of the server that was checked last.
    var serverStart = 0

    /// Start time of the server in microseconds since 1970: behind a pooler another server may replace it while the
    /// connection stays.
    static let serverStart = "(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint"

    /// Waits for the commit to be durable, whatever the user, the database or a pooler's session sets; a stricter value
    /// stays.
    static let synchronousCommit = """
        CASE WHEN current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')
            THEN set_config('synchronous_commit', 'on', true) END
        """

    /// Returns no row where another master leads, or this is another server. The row stays locked until the end of the
    /// transaction: a take-over waits for it, or is seen here.
    private static let sql = """
        SELECT \(synchronousCommit)
        FROM podling_leader WHERE epoch = $1::text::bigint AND holder IS NOT DISTINCT FROM $2::text
            AND \(serverStart) = $3::text::bigint
        FOR KEY SHARE
        """

    /// Adds the fence as the statement's first part, named `lead`.
    func add(to statement: inout PGStatement) {
        statement.add("lead", Self.sql) {
            $0.append(String(epoch))
            $0.append(holder)
            $0.append(String(serverStart))
        }
    }

    /// Checks the lead again after a statement failed the fence: where it is still held, this is another server.
    func isHeld(_ connection: PGConnection) throws(PGError) -> Bool {
        try connection.execute(
            "SELECT 1 FROM podling_leader WHERE epoch = $1 AND holder IS NOT DISTINCT FROM $2",
            PGParameters(String(epoch), holder)
        ).rowCount == 1
    }
}
