import FoundationEssentials
import PodlingSimulator
import Testing

/// A run that once found a fault, kept in Seeds/ as the options of `podling-sim`, with the words of what it found.
struct KeptSeed: Sendable, CustomTestStringConvertible {
    var name: String
    var words: String
    var configuration: SimulatorConfiguration

    var testDescription: String { name }

    static let all: [KeptSeed] = {
        let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/\(folder)/Seeds")) ?? []
        return names.filter { $0.hasSuffix(".seed") }.sorted().compactMap { name in
            guard let data = FileManager.default.contents(atPath: "/\(folder)/Seeds/\(name)") else { return nil }
            return KeptSeed(name: name, String(decoding: data, as: UTF8.self))
        }
    }()

    /// Lines that begin with `#` are the words; the others are options.
    private init?(name: String, _ text: String) {
        self.name = name
        let lines = text.split(separator: "\n")
        words = lines.filter { $0.hasPrefix("#") }.map { $0.dropFirst(2) }.joined(separator: " ")
        let options = lines.filter { !$0.hasPrefix("#") }.flatMap { $0.split(separator: " ") }
        var configuration = SimulatorConfiguration(seed: 0, events: 0)
        for (option, value) in zip(options, options.dropFirst()) {
            let faults = value.split(separator: ",").compactMap { Fault(name: String($0)) }
            switch option {
            case "--seed": configuration.seed = UInt64(value) ?? 0
            case "--events": configuration.events = Int(value) ?? 0
            case "--masters": configuration.masters = Int(value) ?? 0
            case "--workers": configuration.workers = Int(value) ?? 0
            case "--clients": configuration.clients = Int(value) ?? 0
            case "--without": for fault in faults { configuration.faults.remove(fault) }
            case "--only":
                configuration.faults = .none
                for fault in faults { configuration.faults.insert(fault) }
            default: break
            }
        }
        guard configuration.events > 0, configuration.masters > 0 else { return nil }
        self.configuration = configuration
    }
}
