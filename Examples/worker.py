#!/usr/bin/env python3
"""A complete Podling worker: each task's command and args run as a process here. PODLING_MASTER is HOST:PORT."""
import json, os, random, socket, subprocess, threading, time, uuid
HOST, PORT = os.environ.get("PODLING_MASTER", "127.0.0.1:7070").rsplit(":", 1)
NODE, INSTANCE = os.environ.get("PODLING_NODE", socket.gethostname()), uuid.uuid4().hex
lock, link, tasks, stopped = threading.Lock(), socket.socket(), {}, set()  # tasks: (taskId, attempt) -> its process
def line(op, **members): return json.dumps({"op": op, **members}).encode() + b"\n"
def send(op, **members):  # waits where there is no connection
    while True:
        try:
            with lock: return link.sendall(line(op, **members))
        except OSError: time.sleep(1)
def report(key, status, **members): send("status", taskId=key[0], attempt=key[1], status=status, **members)
def run(key, spec):
    own = {"PODLING_TASK_ID": key[0], "PODLING_ATTEMPT": str(key[1]), "PODLING_NODE_ID": NODE}
    words, env = spec.get("command", []) + spec.get("args", []), {**os.environ, **spec.get("env", {}), **own}
    try: tasks[key] = subprocess.Popen(words, env=env, cwd=spec.get("workingDir"), stdin=subprocess.DEVNULL)
    except Exception as error: return report(key, "failed", reason="start_failed", error=str(error)), tasks.pop(key)
    report(key, "running")
    code = tasks[key].wait() if tasks[key].wait() >= 0 else 128 - tasks[key].returncode  # SIGTERM is 143, as in a shell
    report(key, "cancelled" if key in stopped else "failed" if code else "completed", exitCode=code), tasks.pop(key)
def stop(key, grace_seconds=0):
    if tasks.get(key): stopped.add(key), tasks[key].terminate(), threading.Timer(grace_seconds, tasks[key].kill).start()
def heard(message):
    event, key = message.get("ev"), (message.get("taskId"), message.get("attempt"))
    if event == "assign": tasks[key] = None; threading.Thread(target=run, args=(key, message["spec"])).start()
    if event in ("cancel", "kill"): stop(key, message.get("graceSeconds", 0))
    for gone in message.get("ok", {}).get("kill", []): stop((gone["taskId"], gone["attempt"]))
    if message.get("err", {}).get("code", "not_found") not in ("not_found", "stale_attempt"): raise OSError(message)
threading.Thread(target=lambda: [send("heartbeat") for _ in iter(lambda: time.sleep(4), 0)], daemon=True).start()
while time.sleep(random.uniform(0.1, 2)) is None:
    try:
        with socket.create_connection((HOST, int(PORT)), timeout=15) as master:
            with lock:  # what other threads have to say comes after these two
                held = [{"taskId": task, "attempt": attempt} for task, attempt in list(tasks)]
                hello = line("hello", proto=1, role="worker", node=NODE, instance=INSTANCE)
                master.sendall(hello + line("register", slots=4, attempts=held))
                link = master
            for text in master.makefile(): heard(json.loads(text))
    except OSError as error: print(error, flush=True)
