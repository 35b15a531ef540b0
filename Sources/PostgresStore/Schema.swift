/// The tables, as numbered steps. A step that was released is never changed: what is new is a new step.
enum Schema {
    /// The first is the storage document's own; a database that it made has it already.
    static let steps = [
        """
        CREATE TABLE IF NOT EXISTS tasks (
            task_id      VARCHAR(255) PRIMARY KEY,
            name         VARCHAR(255) NOT NULL,
            image        VARCHAR(255) NOT NULL,
            env          JSONB,
            status       VARCHAR(50)  NOT NULL,
            node_id      VARCHAR(255),
            container_id VARCHAR(255),
            created_at   TIMESTAMP    NOT NULL,
            started_at   TIMESTAMP,
            finished_at  TIMESTAMP,
            error        TEXT
        );
        CREATE TABLE IF NOT EXISTS nodes (
            node_id        VARCHAR(255) PRIMARY KEY,
            hostname       VARCHAR(255) NOT NULL,
            port           INTEGER      NOT NULL,
            status         VARCHAR(50)  NOT NULL,
            capacity       INTEGER      NOT NULL,
            running_tasks  INTEGER      NOT NULL DEFAULT 0,
            last_heartbeat TIMESTAMP    NOT NULL
        );
        CREATE INDEX IF NOT EXISTS idx_tasks_status ON tasks (status);
        CREATE INDEX IF NOT EXISTS idx_tasks_node_id ON tasks (node_id);
        CREATE INDEX IF NOT EXISTS idx_nodes_status ON nodes (status);
        CREATE INDEX IF NOT EXISTS idx_nodes_last_heartbeat ON nodes (last_heartbeat);
        """,
        """
        ALTER TABLE tasks
            ADD COLUMN spec               TEXT,
            ADD COLUMN attempt            INTEGER NOT NULL DEFAULT 0,
            ADD COLUMN uncharged_attempts INTEGER NOT NULL DEFAULT 0,
            ADD COLUMN rejections         INTEGER NOT NULL DEFAULT 0,
            ADD COLUMN cancel_requested   BOOLEAN NOT NULL DEFAULT false,
            ADD COLUMN reason             VARCHAR(50),
            ADD COLUMN exit_code          INTEGER,
            ADD COLUMN detail             TEXT,
            ADD COLUMN scheduled_at       TIMESTAMP;
        ALTER TABLE tasks SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
        CREATE TABLE podling_leader (
            id    BOOLEAN PRIMARY KEY DEFAULT true CHECK (id),
            epoch BIGINT NOT NULL,
            name  TEXT NOT NULL,
            since TIMESTAMP NOT NULL
        );
        INSERT INTO podling_leader (epoch, name, since) VALUES (0, '', timezone('UTC', now()));
        """,
        // The epoch as a key: FOR KEY SHARE holds off who raises it, and not who only renews the lease.
        """
        ALTER TABLE podling_leader
            ADD COLUMN address    TEXT,
            ADD COLUMN holder     TEXT,
            ADD COLUMN expires_at TIMESTAMPTZ,
            ADD UNIQUE (epoch);
        """,
        "ALTER TABLE tasks ADD COLUMN imported_at TIMESTAMP",
    ]

    /// `podling` in ASCII: who else uses advisory locks in this database uses another number.
    private static let lockNumber = 31_647_262_063_484_519

    /// Brings the database to this version; several masters may do so at once.
    ///
    /// - Throws: `PGError`, also where the database is of a newer version, or another master migrates for too long.
    static func migrate(_ connection: PGConnection, pause: () -> Void, polls: Int = 300) throws(PGError) {
        var left = polls
        while try !connection.execute("SELECT pg_try_advisory_lock(\(lockNumber))").flag(0, 0) {
            left -= 1
            guard left > 0 else { throw PGError(message: "another master is still migrating this database; try again") }
            pause()
        }
        let outcome = Result { () throws(PGError) in try migrateLocked(connection) }
        _ = try? connection.execute("SELECT pg_advisory_unlock(\(lockNumber))")
        try outcome.get()
    }

    private static func migrateLocked(_ connection: PGConnection) throws(PGError) {
        try connection.executeScript(
            """
            CREATE TABLE IF NOT EXISTS podling_schema (
                version INTEGER PRIMARY KEY, applied_at TIMESTAMP NOT NULL DEFAULT timezone('UTC', now())
            )
            """
        )
        let version = try connection.execute("SELECT coalesce(max(version), 0) FROM podling_schema").int(0, 0) ?? 0
        guard version <= steps.count else {
            throw PGError(
                message: "the database's schema is version \(version), and this podling-master knows \(steps.count): "
                    + "use the newer podling-master"
            )
        }
        for number in version..<steps.count {
            try connection.executeScript(
                "BEGIN; \(steps[number]); INSERT INTO podling_schema (version) VALUES (\(number + 1)); COMMIT"
            )
        }
    }
}
