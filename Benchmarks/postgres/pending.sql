-- :count tasks that wait, as a master would have left them.
INSERT INTO tasks (task_id, name, image, spec, status, created_at)
SELECT 't06' || lpad(i::text, 10, '0'), 'resize-image', 'registry.example/images:1.4',
    '"name":"resize-image","image":"registry.example/images:1.4","command":["/bin/resize"],"args":["--width","640"],"resources":{"requests":{"cpu":0.01,"memory":"1Mi"}},"env":{"SOURCE":"'
        || repeat('x', 30) || '"}', 'pending', timezone('UTC', now())
FROM generate_series(1, :count) AS i;
ANALYZE tasks;
