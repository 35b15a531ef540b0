import FoundationEssentials
import TestSupport
import Testing

/// A master without file descriptors pauses accepting, logs it, and continues once there are some.
@Suite(.serialized, .timeLimit(.minutes(5))) struct DescriptorTests {
    private static let limit = 200

    private struct Master {
        let process: ProgramProcess
        let port: UInt16
        let httpPort: UInt16

        /// - Parameter limit: as an argument of `ulimit`.
        init(limit: String) throws {
            process = try ProgramProcess(
                "/bin/sh",
                ["-c", "ulimit \(limit) && exec \"$0\" \"$@\"", ProductsDirectory.program("podling-master")]
                    + ["--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--port-file", "$DIR/ports"]
            )
            port = try Self.port(process.readyValue("listen"))
            httpPort = try Self.port(process.readyValue("http"))
        }

        private static func port(_ address: String) throws -> UInt16 {
            guard let port = address.split(separator: ":").last.flatMap({ UInt16($0) }) else {
                throw TestSupportError("no port in \(address)")
            }
            return port
        }

        /// Of all its threads.
        func cpuSeconds() throws -> Double {
            let bytes = FileManager.default.contents(atPath: "/proc/\(process.processID)/stat") ?? Data()
            let fields = String(decoding: bytes, as: UTF8.self).split(separator: ")").last?.split(separator: " ") ?? []
            guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
                throw TestSupportError("no times of \(process.processID)")
            }
            return (user + system) / 100
        }
    }

    @Test(arguments: [false, true]) func itRestsWithoutDescriptors(isHTTP: Bool) async throws {
        try await onThread {
            let master = try Master(limit: "-n \(Self.limit)")
            #expect(master.process.output.contains("the limit of open files is lower than all connections need"))
            let port = isHTTP ? master.httpPort : master.port
            var connections: [LineConnection]? = try (0..<2 * Self.limit).map { number in
                do {
                    return try LineConnection(host: "127.0.0.1", port: port)
                } catch {
                    throw TestSupportError("connection \(number): \(error)\n\(master.process.output)")
                }
            }
            let isSaid = Deadline.after(seconds: 60).poll {
                master.process.output.contains("connections wait to be taken: Too many open files; raise") ? true : nil
            }
            #expect(isSaid == true, "\(master.process.output)")
            let (before, start) = (try master.cpuSeconds(), ContinuousClock.now)
            Deadline.after(seconds: 3).elapse()
            let share = (try master.cpuSeconds() - before) / ((ContinuousClock.now - start) / .seconds(1))
            #expect(share < 0.25, "it used \(share) of a core")
            withExtendedLifetime(connections) {}
            connections = nil
            let served = try LineConnection(host: "127.0.0.1", port: master.port)
            #expect(try Peer.line(served, "the greeting")["ev"]?.text == "hello")
            let health = try Tool.output(
                "curl",
                ["-sS", "--max-time", "60", "http://127.0.0.1:\(master.httpPort)/health"]
            )
            #expect(health.contains(#""status":"ok""#))
            let lines = master.process.output.split(separator: "\n").filter { $0.contains("connections wait") }
            #expect(lines.count < 20)
        }
    }

    @Test func theLimitIsRaisedWhereItMayBe() async throws {
        try await onThread {
            let master = try Master(limit: "-S -n \(Self.limit)")
            let bytes = FileManager.default.contents(atPath: "/proc/\(master.process.processID)/limits") ?? Data()
            let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first {
                $0.hasPrefix("Max open files")
            }
            // Max open files, soft, hard, files
            let fields = line?.split(separator: " ") ?? []
            guard fields.count > 4, let soft = Int(fields[3]) else { throw TestSupportError("no limit of open files") }
            #expect(soft > 10_000 || fields[3] == fields[4], "\(line ?? "")")
        }
    }
}
