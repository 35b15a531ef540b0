/// What each transaction of a leader looks at first.
struct LeadFence {
    var epoch = 0
    /// Whose lead that is. After a failover that lost commits, an epoch may be given twice.
    var holder: String?
    /// Of the server that was looked at last, as `serverStart` has it.
    var serverStart = 0

    /// When the server started, in microseconds since 1970: behind a pooler another may take its place, and its connection stays.
    static let serverStart = "(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint"

    /// Waits for the commit to be safe, whatever the user, the database or a pooler's session says; more is left as it is.
    static let synchronousCommit = """
        CASE WHEN current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')
            THEN set_config('synchronous_commit', 'on', true) END
        """

    /// Empty where another master leads, or this is another server. The row is held until the end of the transaction: whoever
    /// takes over waits for it, or is seen here.
    private static let sql = """
        SELECT \(synchronousCommit)
        FROM podling_leader WHERE epoch = $1::text::bigint AND holder IS NOT DISTINCT FROM $2::text
            AND \(serverStart) = $3::text::bigint
        FOR KEY SHARE
        """

    /// The first part of a statement, by the name `lead`.
    func add(to statement: inout PGStatement) {
        statement.add("lead", Self.sql) {
            $0.append(String(epoch))
            $0.append(holder)
            $0.append(String(serverStart))
        }
    }

    /// Whether the lead is what it was, where a statement found it not so: then this is another server.
    func isHeld(_ connection: PGConnection) throws(PGError) -> Bool {
        try connection.execute(
            "SELECT 1 FROM podling_leader WHERE epoch = $1 AND holder IS NOT DISTINCT FROM $2",
            PGParameters(String(epoch), holder)
        ).rowCount == 1
    }
}
