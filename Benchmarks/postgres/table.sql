-- The same table as Podling's own, with its indexes and settings, for statements that know nothing of Podling.
DROP TABLE IF EXISTS bench_tasks;
CREATE TABLE bench_tasks (LIKE tasks INCLUDING ALL);
