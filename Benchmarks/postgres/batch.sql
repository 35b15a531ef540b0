\set n :n + 1
\set first :client_id * 1000000000 + :n * 1000
INSERT INTO bench_tasks (task_id, name, image, spec, status, created_at)
SELECT 't' || lpad((:first + i)::text, 12, '0'), 'resize-image', 'registry.example/images:1.4', repeat('x', 210), 'pending', now()
FROM generate_series(0, 999) AS i;
UPDATE bench_tasks SET status = 'scheduled', node_id = 'node-1', attempt = 1, scheduled_at = now()
FROM generate_series(0, 999) AS i WHERE task_id = 't' || lpad((:first + i)::text, 12, '0') AND status = 'pending';
UPDATE bench_tasks SET status = 'running', started_at = now()
FROM generate_series(0, 999) AS i WHERE task_id = 't' || lpad((:first + i)::text, 12, '0') AND attempt = 1 AND status = 'scheduled';
UPDATE bench_tasks SET status = 'completed', exit_code = 0, finished_at = now()
FROM generate_series(0, 999) AS i WHERE task_id = 't' || lpad((:first + i)::text, 12, '0') AND attempt = 1 AND status = 'running';
