import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// Many TLS connections at once, of people who mean well and of those who do not. One at a time: they take the machine.
@Suite(.serialized, .timeLimit(.minutes(8))) struct TLSLoadTests {
    /// What a connection that waits may cost the master.
    private static let bytesPerIdleConnectionMax = 60 * 1024

    private let workshop: Workshop

    init() async throws {
        workshop = try await onThread { try Workshop.shared.get() }
        // Programs inherit it; 1,024 is what many machines start with.
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = min(limit.rlim_max, max(limit.rlim_cur, 8_192))
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    private func python(_ script: String, _ master: MasterProcess, environment: [String: String] = [:]) throws -> JSON {
        let output = try Tool.output(
            "python3",
            ["-c", Self.prelude + script],
            environment: [
                "PORT": "\(master.port)", "CA": workshop.file("ca.pem"), "MASTER": "\(master.process.processID)",
            ].merging(environment) { _, new in new }
        )
        return try JSON(parsing: Array(output.utf8))
    }

    private static let prelude = """
        import asyncio, json, os, resource, socket, ssl, threading, time
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        here = ("127.0.0.1", int(os.environ["PORT"]))
        context = ssl.create_default_context(cafile=os.environ["CA"])
        context.set_alpn_protocols(["podling/1"])
        def memory():
            with open("/proc/" + os.environ["MASTER"] + "/status") as status:
                return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))
        def connected():
            peer = context.wrap_socket(socket.create_connection(here, 20), server_hostname="localhost")
            lines = peer.makefile("rb")
            assert b'"hello"' in lines.readline()
            return peer, lines
        def ping(peer, lines):
            peer.sendall(b'{"op":"ping","id":1}\\n')
            assert lines.readline().startswith(b'{"re":1,"ok"')

        """

    /// Each registers, gets a task, runs it; then all of them are idle.
    private static let workers = """
        count, comingAtOnce = 1000, 100
        async def worker(number, door, ready, go, rested):
            async with door:
                reader, writer = await asyncio.open_connection(*here, ssl=context, server_hostname="localhost")
            def say(**line): writer.write(json.dumps(line).encode() + b"\\n")
            async def until(wanted):
                while True:
                    line = json.loads(await reader.readline())
                    if wanted(line): return line
            say(op="hello", id=1, proto=1, role="worker", node=f"n{number}", instance="i")
            say(op="register", id=2, slots=1)
            await until(lambda line: line.get("re") == 2 and "ok" in line)
            ready.release()
            task = await until(lambda line: line.get("ev") == "assign")
            for number, status in enumerate(["running", "completed"], 3):
                say(op="status", id=number, taskId=task["taskId"], attempt=task["attempt"], status=status)
                answer = await until(lambda line: line.get("re") == number)
                assert "ok" in answer, answer
            rested.release()
            await go.wait()
            writer.close()
        async def all():
            ready, rested, go = asyncio.Semaphore(0), asyncio.Semaphore(0), asyncio.Event()
            door = asyncio.Semaphore(comingAtOnce)
            async def checked(number):
                try: await worker(number, door, ready, go, rested)
                except BaseException as error:
                    print(f"worker {number}: {error!r}", flush=True)
                    os._exit(1)
            tasks = [asyncio.create_task(checked(number)) for number in range(count)]
            for _ in range(count): await ready.acquire()
            held = memory()
            peer, lines = await asyncio.to_thread(connected)
            for request in [
                {"op": "hello", "id": 0, "proto": 1, "role": "client"},
                {"op": "submit_many", "id": 1, "tasks": [{"name": "t", "image": "busybox"}] * count},
            ]: peer.sendall(json.dumps(request).encode() + b"\\n")
            for _ in range(count): await rested.acquire()
            go.set()
            await asyncio.gather(*tasks)
            return held
        connected()
        before = memory()
        held = asyncio.run(all())
        print(json.dumps({"workers": count, "bytesEach": (held - before) // count}))
        """

    @Test func aThousandWorkers() async throws {
        let result = try await onThread {
            let master = try MasterProcess(try TLSMaster.flags() + ["--lease", "60", "--heartbeat", "20"])
            let result = try python(Self.workers, master)
            let peer = try TLSMaster.python(master)
            #expect(peer.contains(#""completed":1000"#), "\(peer)")
            return result
        }
        print("1,000 TLS workers: \(result)")
        #expect(try #require(result["bytesEach"]?.int) < Self.bytesPerIdleConnectionMax)
    }

    /// Half of them say nothing, half stop in the middle of a word; from four addresses.
    private static let slow = """
        hello = bytes.fromhex("16030100c8010000c40303")
        before, held = memory(), []
        for number in range(900):
            stranger = socket.socket()
            stranger.bind((f"127.0.0.{number % 4 + 2}", 0))
            stranger.connect(here)
            if number % 2: stranger.send(hello)
            held.append(stranger)
        started = time.monotonic()
        def get():
            with context.wrap_socket(socket.create_connection(here, 20), server_hostname="localhost") as peer:
                peer.sendall(b"GET /health HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
                assert peer.recv(15) == b"HTTP/1.1 200 OK"
        if "HTTP" in os.environ: context.set_alpn_protocols(["http/1.1"])
        for _ in range(20): get() if "HTTP" in os.environ else ping(*connected())
        took, after = time.monotonic() - started, memory()
        def ended(stranger):
            stranger.settimeout(20)
            try:
                while stranger.recv(4096): pass
            except ConnectionResetError: pass
        started = time.monotonic()
        for stranger in held: ended(stranger)
        print(json.dumps({"seconds": took, "bytes": after - before, "endedSeconds": time.monotonic() - started}))
        """

    @Test(arguments: [false, true])
    func slowHandshakesTakeNoRoomFromOthers(overHTTP: Bool) async throws {
        let (result, log) = try await onThread {
            let master = try MasterProcess(try TLSMaster.flags(), http: true)
            let http = try master.process.readyValue("http").split(separator: ":").last ?? ""
            let environment = overHTTP ? ["PORT": String(http), "HTTP": "1"] : [:]
            let result = try python(Self.slow, master, environment: environment)
            return (result, TLSMaster.log(master, with: "too many handshakes at once"))
        }
        print("900 slow handshakes\(overHTTP ? " over HTTP" : ""): \(result)")
        guard case .number(let seconds)? = result["seconds"], case .number(let ended)? = result["endedSeconds"] else {
            throw TestSupportError("\(result)")
        }
        #expect(seconds < 60)
        // The deadline of a handshake, and some time for it all.
        #expect(ended < 60)
        // With what a handshake needs, and an idle connection does not.
        #expect(try #require(result["bytes"]?.int) < 512 * 2 * Self.bytesPerIdleConnectionMax)
        #expect(log.contains("too many handshakes at once"), "\(log)")
    }

    /// Handshakes at full speed, while an earlier connection continues and others are made.
    private static let flood = """
        stop, counts = time.monotonic() + 5, [0] * 8
        def strangers(number):
            while time.monotonic() < stop:
                try: context.wrap_socket(socket.create_connection(here, 20), server_hostname="localhost").close()
                except OSError: continue
                counts[number] += 1
        friend, before = connected(), memory()
        threads = [threading.Thread(target=strangers, args=(number,)) for number in range(len(counts))]
        for thread in threads: thread.start()
        slowest, guests = 0, 0
        while time.monotonic() < stop:
            started = time.monotonic()
            ping(*friend)
            slowest = max(slowest, time.monotonic() - started)
            ping(*connected())
            guests += 1
        for thread in threads: thread.join()
        print(json.dumps({"handshakes": sum(counts), "guests": guests, "slowest": slowest, "bytes": memory() - before}))
        """

    @Test func aFloodOfHandshakesLeavesRoomForOthers() async throws {
        let result = try await onThread { try python(Self.flood, try MasterProcess(try TLSMaster.flags())) }
        print("handshake flood: \(result)")
        guard case .number(let slowest)? = result["slowest"] else { throw TestSupportError("\(result)") }
        #expect(slowest < 2)
        #expect(try #require(result["guests"]?.int) > 10)
        #expect(try #require(result["handshakes"]?.int) > 100)
        #expect(try #require(result["bytes"]?.int) < 64 * 1024 * 1024)
    }
}
