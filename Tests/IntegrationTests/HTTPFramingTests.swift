import TestSupport
import Testing

/// The requirements of HTTP/1.0 and HTTP/1.1 on a server before any route is handled, with real clients and raw bytes.
@Suite(.serialized, .timeLimit(.minutes(5))) struct HTTPFramingTests {
    /// Reads until the other side closes.
    private func exchange(_ port: UInt16, _ request: String) throws -> String {
        let connection = try LineConnection(host: "127.0.0.1", port: port)
        try connection.send(Array(request.utf8))
        var text = ""
        while let line = try connection.readLine(seconds: 60) { text += String(decoding: line, as: UTF8.self) + "\n" }
        return text
    }

    /// RFC 9112, section 7.1: a recipient of HTTP/1.0 knows no chunks, so the connection's end is the body's.
    @Test func anAnswerToHTTP10HasNoChunksAndEndsTheConnection() async throws {
        try await onThread {
            let master = try MasterProcess(http: true)
            let text = try exchange(try master.httpPort(), "GET /api/v1/tasks HTTP/1.0\r\n\r\n")
            #expect(text.hasPrefix("HTTP/1.0 200 OK\r\n"), "\(text)")
            #expect(!text.lowercased().contains("transfer-encoding"), "\(text)")
            #expect(text.hasSuffix("\r\n[]\n"), "\(text)")
        }
    }

    /// RFC 9112, section 3.2.
    @Test(arguments: ["", "Host: a\r\nHost: localhost\r\n", "Host: localhost\r\nHost: localhost\r\n"])
    func withoutOneHostARequestIsRefused(hosts: String) async throws {
        try await onThread {
            let master = try MasterProcess(http: true)
            let request = "GET /api/v1/tasks HTTP/1.1\r\n\(hosts)Connection: close\r\n\r\n"
            let text = try exchange(try master.httpPort(), request)
            #expect(text.hasPrefix("HTTP/1.1 400 Bad Request\r\n"), "\(text)")
            #expect(text.contains(#""field":"Host""#), "\(text)")
        }
    }

    /// RFC 9110, section 10.1.1: curl waits a second for it before it sends a large body.
    @Test func whoWaitsToBeToldToGoOnIsTold() async throws {
        try await onThread {
            let master = try MasterProcess(http: true)
            let connection = try LineConnection(host: "127.0.0.1", port: try master.httpPort())
            let body = #"{"name":"a","image":"b"}"#
            let head =
                "POST /api/v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + "Content-Length: \(body.utf8.count)\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
            try connection.send(Array(head.utf8))
            let line = try #require(try connection.readLine(seconds: 60))
            #expect(String(decoding: line, as: UTF8.self) == "HTTP/1.1 100 Continue\r")
            #expect(try connection.readLine(seconds: 60) == [UInt8(ascii: "\r")])
            try connection.send(Array(body.utf8))
            let status = try #require(try connection.readLine(seconds: 60))
            #expect(String(decoding: status, as: UTF8.self) == "HTTP/1.1 201 Created\r")
        }
    }

    @Test func anotherExpectationCannotBeMet() async throws {
        try await onThread {
            let master = try MasterProcess(http: true)
            let head = "GET /health HTTP/1.1\r\nHost: localhost\r\nExpect: cake\r\nConnection: close\r\n\r\n"
            let text = try exchange(try master.httpPort(), head)
            #expect(text.hasPrefix("HTTP/1.1 417 "), "\(text)")
        }
    }

    /// A page whose name was made to resolve to this machine (DNS rebinding) sends its own name: without
    /// authentication, it must get nothing.
    @Test(arguments: [
        "evil.example", "evil.example:8070", "localhost.evil.example", "127.0.0.1.evil.example", "", "a b",
    ])
    func aNameThatIsNotTheMastersIsRefused(name: String) async throws {
        try await onThread {
            let master = try MasterProcess(http: true)
            let url = "http://127.0.0.1:\(try master.httpPort())"
            for path in ["/api/v1/tasks", "/health", "/nothing"] {
                let host = name.isEmpty ? "Host;" : "Host: \(name)"
                let text = try Tool.output("curl", ["-sS", "-w", "%{http_code}", "-H", host, url + path])
                #expect(text.hasSuffix("421"), "\(path): \(text)")
                #expect(text.contains("--http-host"), "\(text)")
            }
        }
    }

    @Test func itsOwnNamesAreTaken() async throws {
        try await onThread {
            let flags = [
                "--advertise", "Master-1.example.net", "--http-host", "podling.example", "--http-host", "b.example",
            ]
            let master = try MasterProcess(flags, http: true)
            let port = try master.httpPort()
            let names = [
                "127.0.0.1:\(port)", "localhost", "LOCALHOST:80", "localhost.", "[::1]:\(port)", "192.0.2.7",
                "master-1.example.net:8070", "podling.example", "b.example:\(port)", "app.localhost",
            ]
            for name in names {
                let text = try Tool.output(
                    "curl",
                    ["-sS", "-H", "Host: \(name)", "http://127.0.0.1:\(port)/api/v1/tasks"]
                )
                #expect(text == "[]\n", "\(name): \(text)")
            }
            let error = try Tool.output(
                ProductsDirectory.program("podling-master"),
                ["--http-host", "http://a.example/"],
                endsWith: .exited(64)
            )
            #expect(error.contains("--http-host"), "\(error)")
        }
    }
}

extension MasterProcess {
    /// Where HTTP is served on loopback.
    func httpPort() throws -> UInt16 {
        let address = try process.readyValue("http")
        guard let port = address.split(separator: ":").last.flatMap({ UInt16($0) }) else {
            throw TestSupportError("no port in \(address)")
        }
        return port
    }
}
