import LoadSupport

/// The command line: a mode, an address and `--name value` flags.
struct Options {
    var mode = ""
    var address = ""
    /// Length of the measured window, in seconds.
    var seconds = 3.0
    /// Runs until so many tasks are done, where not 0, instead of `seconds`.
    var tasks = 0
    /// Left out of the measurement at the start, in seconds.
    var warmUpSeconds = 0.5
    var clients = 4
    var workers = 16
    /// Slots of a worker; reserves in flight; entries of one read.
    var slots = 64
    /// Submits of one client without a reply.
    var window = 64
    /// Tasks submitted and not yet done at which clients pause.
    var backlog = 10_000
    var connections = 5_000
    /// What idle connections register as: `worker` or `client`.
    var role = "worker"
    var serverPID: Int32 = 0
    /// The CA of the server's certificate, PEM; plain text where it is empty.
    var tlsRootFile = ""
    /// Follows every single task id, at some cost.
    var verify = false

    static let usage = """
        usage: podling-load MODE HOST:PORT [--seconds 3] [--tasks N] [--warm-up 0.5] [--clients 4] [--workers 16]
                            [--slots 64] [--window 64] [--backlog 10000] [--connections 5000]
                            [--role worker|client] [--server-pid PID] [--tls-ca FILE] [--verify]
        modes: podling, podling-idle-latency, podling-idle-connections, echo-latency, echo-server,
               beanstalkd, redis-streams, tls-handshakes, podling-ping, podling-ping-beside-label-lists,
               podling-ping-beside-lists, ...-gets, ...-watches, ...-refused-batches
        """

    init(_ arguments: [String]) throws {
        var positional: [String] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--verify" {
                verify = true
            } else if argument.hasPrefix("--") {
                guard let value = rest.popFirst() else { throw LoadFailure("\(argument) needs a value") }
                try set(argument, value)
            } else {
                positional.append(argument)
            }
        }
        guard positional.count == 2 else { throw LoadFailure(Self.usage) }
        mode = positional[0]
        address = positional[1]
    }

    /// nil is plain text.
    func tlsClient() throws(LoadFailure) -> TLSClient? {
        tlsRootFile.isEmpty ? nil : try TLSClient(rootFile: tlsRootFile)
    }

    private mutating func set(_ name: String, _ value: String) throws {
        switch name {
        case "--seconds": seconds = try Self.number(name, value, 0.1...3_600)
        case "--warm-up": warmUpSeconds = try Self.number(name, value, 0...60)
        case "--tasks": tasks = try Self.number(name, value, 0...1_000_000_000)
        case "--clients": clients = try Self.number(name, value, 1...1_000)
        case "--workers": workers = try Self.number(name, value, 1...1_000)
        case "--slots": slots = try Self.number(name, value, 1...4_096)
        case "--window": window = try Self.number(name, value, 1...100_000)
        case "--backlog": backlog = try Self.number(name, value, 1...10_000_000)
        case "--connections": connections = try Self.number(name, value, 1...19_000)
        case "--server-pid": serverPID = try Self.number(name, value, 1...Int32.max)
        case "--tls-ca": tlsRootFile = value
        case "--role" where value == "worker" || value == "client": role = value
        default: throw LoadFailure("no such option or value: \(name) \(value)\n\(Self.usage)")
        }
    }

    private static func number<N: LosslessStringConvertible & Comparable>(
        _ name: String,
        _ text: String,
        _ range: ClosedRange<N>
    ) throws -> N {
        guard let value = N(text), range.contains(value) else {
            throw LoadFailure("\(name) must be \(range.lowerBound) to \(range.upperBound), not \(text)")
        }
        return value
    }
}
