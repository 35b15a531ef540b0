import FoundationEssentials
import TestSupport
import Testing

/// A node whose engine is down, or answers 500 to everything, in addition to a healthy one.
@Suite(.timeLimit(.minutes(5))) struct EngineAwayTests {
    /// An engine on a unix socket that has no containers, and obeys the file next to it: `well` or `sick`.
    private static let engine = """
        import http.server, os, socketserver, sys
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def do(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, body = 500, b'{"message":"the disk is gone"}'
                if open(sys.argv[2]).read() == "well":
                    path = self.path.split("?")[0]
                    status, body = 404, b'{"message":"no such image"}'
                    if path.endswith("/version"): status, body = 200, b'{"Version":"99.0","ApiVersion":"1.41"}'
                    if path.endswith("/containers/json"): status, body = 200, b"[]"
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = True
            do_GET = do_POST = do_DELETE = do
            def address_string(self): return "peer"
            def log_message(self, *words): pass
        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer): daemon_threads = True
        Server(sys.argv[1], Handler).serve_forever()
        """

    @Test(arguments: [true, false]) func itSwallowsNoTasks(isDown: Bool) async throws {
        try await onThread {
            let scratch = try Scratch()
            let (socket, state) = (scratch.file("engine.sock"), scratch.file("state"))
            try Data("well".utf8).write(to: URL(filePath: state))
            let engine = try Tool.start("python3", ["-c", Self.engine, socket, state])
            let master = try MasterProcess(["--heartbeat", "0.5", "--lease", "60"])
            let peer = try Peer(master)
            let sick = try ProgramProcess(
                ProductsDirectory.program("podling-worker"),
                ["--master", master.address, "--engine", "docker", "--node-id", "sick", "--state-dir", "$DIR/state"]
                    + ["--slots", "8", "--label", "kind=sick"],
                environment: ["DOCKER_HOST": "unix://\(socket)"]
            )
            try peer.awaitNode("sick") { $0["status"]?.text == "online" }
            if isDown {
                engine.terminate()
            } else {
                try Data("sick".utf8).write(to: URL(filePath: state))
            }
            let tasks = try (0..<3).map { _ in
                try peer.submit(#""name":"job","image":"busybox","command":["true"]"#)
            }
            // They are placed on the only node there is, before the other comes.
            let known = try peer.awaitNode("sick") { $0["engineError"]?.text != nil }
            #expect(known["status"]?.text == "online")
            let node = try WorkerNode(.process, master)
            let worker = try node.start()
            for (index, task) in tasks.enumerated() {
                let end = try peer.awaitEnd(task)
                #expect(end["status"]?.text == "completed", "\(end)")
                #expect(end["nodeId"]?.text == node.nodeId)
                // The first, at least, was placed on the sick node, which rejected it.
                if index == 0 { #expect(end["attempt"]?.int ?? 0 > 1, "\(end)") }
            }
            #expect(sick.says("rejected"), "\(sick.output.suffix(2_000))")
            // It comes back by itself.
            guard !isDown else { return sick.end(worker) }
            try Data("well".utf8).write(to: URL(filePath: state))
            try peer.awaitNode("sick") { $0["engineError"] == nil }
            let next = try peer.submit(
                #""name":"job","image":"busybox","command":["true"],"nodeSelector":{"kind":"sick"}"#
            )
            // The engine has no images: this is how it answers again.
            let end = try peer.awaitEnd(next)
            #expect(end["nodeId"]?.text == "sick" && end["reason"]?.text == "image_pull", "\(end)")
            sick.end(worker)
        }
    }
}

extension ProgramProcess {
    fileprivate func end(_ other: ProgramProcess) {
        terminate()
        other.terminate()
    }
}
