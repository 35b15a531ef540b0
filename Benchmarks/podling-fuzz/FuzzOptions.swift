import LoadSupport

/// The command line: an address and `--name value` flags.
struct FuzzOptions {
    var address = ""
    /// Of the master; 0 looks for who listens.
    var serverPID: Int32 = 0
    var seed: UInt64 = 0
    /// The first session's number: sessions of a seed differ by it only.
    var first = 0
    var seconds = 0.0
    var connections = 0
    var lines = 0
    /// Sessions open at a time.
    var atOnce = 128
    /// Most resident memory of the master, in MiB.
    var residentMax = 200
    /// The CA of the master's certificate, PEM; plain text where it is empty.
    var tlsRootFile = ""

    static let usage = """
        usage: podling-fuzz HOST:PORT [--seed N] [--first 0] [--seconds N] [--connections N] [--lines N] [--at-once 128]
                            [--rss-max MIB] [--tls-ca FILE] [--pid PID]
        The run ends once all of --seconds, --connections and --lines that are given are reached; 10 s without any.
        """

    init(_ arguments: [String]) throws(LoadFailure) {
        var system = SystemRandomNumberGenerator()
        // Short enough to be typed again.
        seed = system.next() >> 32
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("--") else {
                guard address.isEmpty else { throw LoadFailure(Self.usage) }
                address = argument
                continue
            }
            guard let value = rest.popFirst() else { throw LoadFailure("\(argument) needs a value\n\(Self.usage)") }
            try set(argument, value)
        }
        guard !address.isEmpty else { throw LoadFailure(Self.usage) }
        if seconds == 0, connections == 0, lines == 0 { seconds = 10 }
    }

    private mutating func set(_ name: String, _ value: String) throws(LoadFailure) {
        switch name {
        case "--seed": seed = try Self.number(name, value, 0...UInt64.max)
        case "--first": first = try Self.number(name, value, 0...Int.max / 2)
        case "--seconds": seconds = try Self.number(name, value, 0...1_000_000)
        case "--connections": connections = try Self.number(name, value, 0...1_000_000_000)
        case "--lines": lines = try Self.number(name, value, 0...1_000_000_000_000)
        case "--at-once": atOnce = try Self.number(name, value, 1...10_000)
        case "--rss-max": residentMax = try Self.number(name, value, 1...1_000_000)
        case "--pid": serverPID = try Self.number(name, value, 1...Int32.max)
        case "--tls-ca": tlsRootFile = value
        default: throw LoadFailure("no such option: \(name)\n\(Self.usage)")
        }
    }

    private static func number<N: LosslessStringConvertible & Comparable>(
        _ name: String,
        _ text: String,
        _ range: ClosedRange<N>
    ) throws(LoadFailure) -> N {
        guard let value = N(text), range.contains(value) else {
            throw LoadFailure("\(name) must be \(range.lowerBound) to \(range.upperBound), not \(text)")
        }
        return value
    }

    /// What runs these sessions of this seed again.
    func command(first: Int, count: Int) -> String {
        let tls = tlsRootFile.isEmpty ? "" : " --tls-ca \(tlsRootFile)"
        return "podling-fuzz \(address) --seed \(seed) --first \(first) --connections \(count)\(tls)"
    }
}
