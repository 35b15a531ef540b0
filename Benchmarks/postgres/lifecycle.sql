\set n :n + 1
\set id :client_id * 1000000000 + :n
INSERT INTO bench_tasks (task_id, name, image, spec, status, created_at)
VALUES ('t' || lpad(:id::text, 12, '0'), 'resize-image', 'registry.example/images:1.4', repeat('x', 210), 'pending', now());
UPDATE bench_tasks SET status = 'scheduled', node_id = 'node-1', attempt = 1, scheduled_at = now()
WHERE task_id = 't' || lpad(:id::text, 12, '0') AND status = 'pending';
UPDATE bench_tasks SET status = 'running', started_at = now()
WHERE task_id = 't' || lpad(:id::text, 12, '0') AND attempt = 1 AND status = 'scheduled';
UPDATE bench_tasks SET status = 'completed', exit_code = 0, finished_at = now()
WHERE task_id = 't' || lpad(:id::text, 12, '0') AND attempt = 1 AND status = 'running';
