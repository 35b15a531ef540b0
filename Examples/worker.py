#!/usr/bin/env python3
"""A complete Podling worker: each task's command and args run as a process here. PODLING_MASTER is HOST:PORT, or several.
It keeps the duties W1 to W18 of proto-spec.md, section 11.1, and the tests hold it against them."""
import ctypes, itertools, json, os, random, select, signal, socket, subprocess, time, uuid
MASTERS = itertools.cycle(os.environ.get("PODLING_MASTER", "127.0.0.1:7070").split(","))
NODE, INSTANCE, SLOTS = os.environ.get("PODLING_NODE", socket.gethostname()), uuid.uuid4().hex, 4
MEMBERS = set("""name image command args env workingDir ports resources labels nodeSelector priority timeoutSeconds maxAttempts
    onNodeLost stopGraceSeconds pullPolicy idempotencyKey""".split())
libc, now, numbers, never = ctypes.CDLL(None), time.monotonic, itertools.count(1), float("inf")
attempts, over, asked, link = {}, set(), {}, None    # by (taskId, attempt); what never runs again; requests without a reply
lease, beat, trusted, pause = 10, 5, 0, (0.1, 0.2)   # seconds; nothing is started when it is past `trusted`
class Attempt:                                       # one that the master has not let go of
    spec = process = report = request = None         # its newest report, and the id of the request that carries it
    kill_at, resend_at, verdict = never, never, {}   # `verdict`: what an order to end it makes of its end
    def has_ended(self): return bool(self.report) and self.report["status"] in ("completed", "failed", "cancelled")
    def signal(self, number): return self.process and self.process.poll() is None and os.killpg(self.process.pid, number)
def ask(op, key=None, **members):
    asked[number := next(numbers)] = op, key, now()
    if key: members = {"taskId": key[0], "attempt": key[1], **members}
    if link: link.sendall(json.dumps({"op": op, "id": number, **members}).encode() + b"\n")
    return number
def report(key, **members):                          # W8: again and again, until it is confirmed
    attempts[key].report, attempts[key].resend_at = members, never
    attempts[key].request = ask("status", key, **members)
def forget(key):                                     # W10, W12: nobody wants to hear of it
    over.add(key)
    if key in attempts: attempts.pop(key).signal(signal.SIGKILL)
def start(key, attempt):
    own = {"PODLING_TASK_ID": key[0], "PODLING_ATTEMPT": str(key[1]), "PODLING_NODE_ID": NODE}
    try:
        attempt.process = subprocess.Popen(
            attempt.spec.get("command", []) + attempt.spec.get("args", []), stdin=subprocess.DEVNULL,
            env={**os.environ, **attempt.spec.get("env", {}), **own}, cwd=attempt.spec.get("workingDir"), start_new_session=True,
            preexec_fn=lambda: libc.prctl(1, signal.SIGKILL))     # W15: it dies with this worker
        report(key, status="running")
    except (ValueError, IndexError, subprocess.SubprocessError, OSError) as error:
        if attempt.process: raise
        report(key, status="failed", reason="start_failed", error=str(error))
def assigned(key, spec):                             # W4, W5
    if key in attempts: return report(key, **attempts[key].report) if attempts[key].report else ask("accept", key)
    why = "it was here before" if key in over else ", ".join(set(spec) - MEMBERS)
    if sum(not each.has_ended() for each in attempts.values()) >= SLOTS: why = why or "all slots are taken"
    if why: return ask("reject", key, error=why)
    attempts[key] = Attempt()
    attempts[key].spec = spec
    ask("accept", key)
def cancelled(key, grace):                           # W11: it comes again and again, and only a shorter grace changes anything
    attempt = attempts.setdefault(key, Attempt())
    if attempt.has_ended(): return
    if not attempt.process: return report(key, status="cancelled")
    if attempt.process.poll() is not None: attempt.verdict = attempt.verdict or {"beforeSignal": True}
    elif attempt.kill_at == never: attempt.verdict = attempt.signal(signal.SIGTERM) or {"status": "cancelled"}
    attempt.kill_at = min(attempt.kill_at, now() + grace)
def step(key, attempt):                              # what time brings
    if now() >= attempt.kill_at: attempt.signal(signal.SIGKILL)
    if not attempt.report and now() < trusted: start(key, attempt)     # W3
    elif attempt.process and not attempt.has_ended() and attempt.process.poll() is not None:
        code = attempt.process.returncode if attempt.process.returncode >= 0 else 128 - attempt.process.returncode
        report(key, **{"status": "failed" if code else "completed", "exitCode": code, **attempt.verdict})
    elif now() >= attempt.resend_at: report(key, **attempt.report)
def answered(number, ok, err):
    global lease, beat, trusted, pause
    op, key, sent = asked.pop(number, (None, None, 0))
    if key and err.get("code") in ("stale_attempt", "not_found"): return forget(key)
    if err: pause = (err.get("retry_after_ms", 1000) / 1000,) * 2
    if err and (not key or err["code"] in ("unregistered", "not_leader")): raise OSError(err)     # W13: dial, and register
    if op in ("register", "heartbeat"): lease, beat, pause = ok["lease_ms"] / 1000, ok["heartbeat_ms"] / 1000, (0.1, 0.2)
    if op != "hello" and not err: trusted = max(trusted, sent + lease)
    for gone in (ok or {}).get("kill", []) + (ok or {}).get("lost", []): forget((gone["taskId"], gone["attempt"]))
    if op == "register": [report(each, **attempts[each].report) for each in list(attempts) if attempts[each].report]
    if key not in attempts or attempts[key].request != number: return
    if err.get("retryable"): attempts[key].resend_at = now() + pause[0]
    elif attempts[key].has_ended(): forget(key)
def heard(message):
    global pause
    event, key = message.get("ev"), (message.get("taskId"), message.get("attempt"))
    if event == "assign": assigned(key, message["spec"])
    elif event == "cancel": cancelled(key, message["graceSeconds"])
    elif event == "kill": forget(key)
    elif event == "logs": ask("log_end", sub=message["sub"], error="this worker keeps no output")
    elif event == "drain": pause = [milliseconds / 1000 for milliseconds in message["reconnect_ms"]]
    elif event == "error" or event == "hello" and message.get("standby"): raise OSError(message)
    elif "re" in message: answered(message["re"], message.get("ok"), message.get("err", {}))
def serve(host, port):
    global link
    with socket.create_connection((host.strip("[]"), int(port)), timeout=10) as link:
        asked.clear()
        ask("hello", proto=1, role="worker", node=NODE, instance=INSTANCE)
        ask("register", slots=SLOTS, attempts=[{"taskId": task, "attempt": attempt} for task, attempt in attempts])
        rest, heard_at, beaten_at = b"", now(), now()
        while True:
            if select.select([link], [], [], 0.1)[0]:
                part, heard_at = link.recv(65536), now()
                if not part: raise OSError("the master closed the connection")
                *lines, rest = (rest + part).split(b"\n")
                for line in lines: heard(json.loads(line))
            if asked and now() - heard_at > lease: raise OSError("the master is silent")     # W14
            if now() - beaten_at > beat * 0.9: beaten_at = ask("heartbeat") and now()
            for key, attempt in list(attempts.items()): step(key, attempt)
while True:
    try: serve(*next(MASTERS).rsplit(":", 1))
    except (OSError, ValueError) as error: link = print(error, flush=True)
    until, pause = now() + random.uniform(*pause), (pause[0], max(pause[1], min(2 * pause[1], 5)))
    while now() < until:
        for key, attempt in list(attempts.items()): step(key, attempt)
        time.sleep(0.1)
