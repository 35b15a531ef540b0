/// The one row of `podling_leader`: the leader, and the end of its lease by the database's clock.
struct LeaderRow {
    var epoch: Int
    var address: String?
    var holder: LeaderLeaseHolder?
    var holderText: String?
    var isExpired: Bool

    static func read(_ connection: PGConnection) throws(PGError) -> LeaderRow {
        let result = try connection.execute(
            """
            SELECT epoch, address, holder, coalesce(expires_at < clock_timestamp(), true) FROM podling_leader
            """
        )
        guard let epoch = result.int(0, 0) else { throw PGError(message: "the table podling_leader has no row") }
        let holder = result.text(0, 2)
        return LeaderRow(
            epoch: epoch,
            address: result.text(0, 1),
            holder: holder.flatMap { LeaderLeaseHolder($0) },
            holderText: holder,
            isExpired: result.flag(0, 3)
        )
    }

    /// Takes the lead after this row, unless another was faster or the lease was renewed. Waits for the transaction
    /// that the last leader has under way.
    ///
    /// - Returns: the new epoch, or nil.
    func takeOver(
        _ connection: PGConnection,
        name: String,
        address: String?,
        holder: LeaderLeaseHolder,
        leaseMilliseconds: Int,
        evenUnexpired: Bool
    ) throws(PGError) -> Int? {
        try connection.execute(
            """
            UPDATE podling_leader SET epoch = epoch + 1, name = $1, address = $2, holder = $3,
                since = timezone('UTC', now()), expires_at = clock_timestamp() + $4::int * interval '1 millisecond'
            WHERE epoch = $5 AND holder IS NOT DISTINCT FROM $6
                AND ($7 OR expires_at IS NULL OR expires_at < clock_timestamp())
            RETURNING epoch, \(LeadFence.synchronousCommit)
            """,
            PGParameters(
                name,
                address,
                holder.text,
                String(leaseMilliseconds),
                String(epoch),
                holderText,
                evenUnexpired ? "t" : "f"
            )
        ).int(0, 0)
    }

    /// Renews the lease from now; 0 milliseconds releases it.
    ///
    /// - Returns: the server's durability settings; nil where another leads.
    static func renew(
        _ connection: PGConnection,
        epoch: Int,
        address: String?,
        holder: LeaderLeaseHolder,
        leaseMilliseconds: Int
    ) throws(PGError) -> DurabilitySettings? {
        let result = try connection.execute(
            """
            UPDATE podling_leader SET expires_at = clock_timestamp() + $1::int * interval '1 millisecond', address = $2
            WHERE epoch = $3 AND holder = $4 RETURNING \(DurabilitySettings.columns)
            """,
            PGParameters(String(leaseMilliseconds), address, String(epoch), holder.text)
        )
        return result.rowCount == 1 ? DurabilitySettings(result, 0) : nil
    }
}
