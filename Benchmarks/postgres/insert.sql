\set n :n + 1
\set id :client_id * 1000000000 + :n
INSERT INTO bench_tasks (task_id, name, image, spec, status, created_at)
VALUES ('t' || lpad(:id::text, 12, '0'), 'resize-image', 'registry.example/images:1.4', repeat('x', 210), 'pending', now());
