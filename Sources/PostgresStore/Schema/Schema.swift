/// The schema as numbered migration steps. A released step is never changed: a change is a new step.
enum Schema {
    struct Step {
        /// A human-readable description.
        var what: String
        var sql: String
    }

    /// The first is the storage document's own; a database that it created has it already.
    static let steps = [
        Step(
            what: "the tables tasks and nodes, with their indexes",
            sql: """
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
                """
        ),
        Step(
            what: "specs and attempts of tasks; podling_leader, who leads",
            sql: """
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
                """
        ),
        // The epoch is a key: FOR KEY SHARE then blocks a take-over, which raises it, but not a renewal of the lease.
        Step(
            what: "the lease of the leader",
            sql: """
                ALTER TABLE podling_leader
                    ADD COLUMN address    TEXT,
                    ADD COLUMN holder     TEXT,
                    ADD COLUMN expires_at TIMESTAMPTZ,
                    ADD UNIQUE (epoch);
                """
        ),
        Step(what: "when a task was imported", sql: "ALTER TABLE tasks ADD COLUMN imported_at TIMESTAMP;"),
        Step(
            what: "ended tasks by months, in task_history; an index of what is pending; vacuum for hot rows",
            sql: """
                CREATE TABLE task_history (LIKE tasks INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (created_at);
                ALTER TABLE task_history ADD PRIMARY KEY (task_id, created_at);
                CREATE TABLE task_history_default PARTITION OF task_history DEFAULT;
                CREATE INDEX idx_tasks_pending ON tasks (task_id) WHERE status = 'pending';
                ALTER TABLE tasks SET (
                    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
                    autovacuum_vacuum_cost_delay = 1, autovacuum_analyze_scale_factor = 0.02,
                    toast.autovacuum_vacuum_scale_factor = 0.02, toast.autovacuum_vacuum_cost_delay = 1
                );
                """
        ),
        Step(
            what: "a type for rows on their way to the table tasks",
            sql: """
                CREATE TYPE podling_task_row AS (
                    task_id text, attempt integer, uncharged_attempts integer, rejections integer,
                    cancel_requested boolean, status text, reason text, exit_code integer, node_id text,
                    container_id text, error text, detail text, created_at timestamp, scheduled_at timestamp,
                    started_at timestamp, finished_at timestamp, name text, image text, spec text,
                    imported_at timestamp, env text
                );
                """
        ),
        Step(
            what: "what the master knows of nodes",
            sql: """
                ALTER TABLE nodes
                    ADD COLUMN instance          TEXT,
                    ADD COLUMN engine            TEXT,
                    ADD COLUMN engine_version    TEXT,
                    ADD COLUMN labels            JSONB,
                    ADD COLUMN draining          BOOLEAN NOT NULL DEFAULT false,
                    ADD COLUMN cpu_millis        BIGINT,
                    ADD COLUMN memory_bytes      BIGINT,
                    ADD COLUMN cpu_millis_used   BIGINT NOT NULL DEFAULT 0,
                    ADD COLUMN memory_bytes_used BIGINT NOT NULL DEFAULT 0,
                    ADD COLUMN registered_at     TIMESTAMP;
                """
        ),
        Step(
            what: "transitions of tasks by months, in task_events, for --audit",
            sql: """
                CREATE TABLE task_events (
                    epoch       BIGINT       NOT NULL,
                    seq         BIGINT       NOT NULL,
                    at          TIMESTAMP    NOT NULL,
                    task_id     VARCHAR(255) NOT NULL,
                    attempt     INTEGER      NOT NULL,
                    node_id     VARCHAR(255),
                    from_status VARCHAR(50),
                    to_status   VARCHAR(50)  NOT NULL,
                    reason      VARCHAR(50),
                    actor       TEXT         NOT NULL,
                    PRIMARY KEY (seq, at)
                ) PARTITION BY RANGE (at);
                CREATE INDEX idx_task_events_task_id ON task_events (task_id);
                CREATE TABLE task_events_default PARTITION OF task_events DEFAULT;
                CREATE TABLE podling_runs (
                    epoch BIGINT PRIMARY KEY,
                    run   TEXT NOT NULL,
                    since TIMESTAMP NOT NULL DEFAULT timezone('UTC', now())
                );
                ALTER TABLE podling_leader ADD COLUMN last_event BIGINT NOT NULL DEFAULT 0;
                """
        ),
        Step(
            what: "hashes of tokens, for --tokens database",
            sql: """
                CREATE TABLE podling_tokens (
                    name       VARCHAR(63) PRIMARY KEY,
                    role       VARCHAR(50) NOT NULL,
                    node_id    VARCHAR(63),
                    sha256     CHAR(64)    NOT NULL UNIQUE,
                    created_at TIMESTAMP   NOT NULL
                );
                """
        ),
    ]
}
