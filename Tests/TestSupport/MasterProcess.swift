/// A `podling-master` of this build, on a free loopback port, with the memory store by default.
public final class MasterProcess: Sendable {
    public let process: ProgramProcess
    public let host: String
    public let port: UInt16

    /// Starts it and waits until it listens.
    public init(_ arguments: [String] = [], environment: [String: String] = [:], http: Bool = false) throws {
        let listen = ["--listen", "127.0.0.1:0", "--http-listen", http ? "127.0.0.1:0" : "off"]
        process = try ProgramProcess(
            ProductsDirectory.program("podling-master"),
            listen + ["--port-file", "$DIR/ports"] + arguments,
            environment: environment
        )
        let address = try process.readyValue("listen").split(separator: ":")
        guard address.count == 2, let port = UInt16(address[1]) else {
            throw TestSupportError("port file has no HOST:PORT: \(address)")
        }
        host = String(address[0])
        self.port = port
    }

    /// `HOST:PORT`.
    public var address: String { "\(host):\(port)" }

    public func connect() throws -> LineConnection { try LineConnection(host: host, port: port) }

    @discardableResult
    public func terminate() -> ProgramProcess.Ending? { process.terminate() }
}
