import ArgumentParser
import PodlingClient
import PodlingProtocol

/// Builds a task spec from the command line. Rejects only what cannot be written as JSON; the master validates the
/// rest.
struct SpecBuilder {
    private static let nameBytesMax = 63

    let options: SpecOptions
    let image: String
    /// Arguments of the entry point; where there are none, the image's own are used.
    let arguments: [String]
    /// Injected, so that tests can set the environment.
    let environmentValue: (String) -> String?

    /// - Parameter randomSuffix: for a name derived from the image's, `a-z 0-9`.
    /// - Throws: `ValidationError`, which names the option.
    func build(idempotencyKey: String?, randomSuffix: String) throws -> [UInt8] {
        guard !image.isEmpty else { throw ValidationError("IMAGE is empty") }
        var spec = ObjectWriter()
        spec.string("name", options.name ?? Self.name(of: image, suffix: randomSuffix))
        spec.string("image", image)
        if let program = options.entrypoint { spec.json("command", Self.array(program.isEmpty ? [] : [program])) }
        spec.strings("args", arguments)
        spec.pairs("env", try environment())
        spec.string("workingDir", options.workdir)
        spec.jsonArray("ports", try options.ports.map(Self.port))
        spec.json("resources", resources())
        spec.pairs("labels", try Self.pairs(options.labels, "--label"))
        spec.pairs("nodeSelector", try Self.pairs(options.nodeSelectors, "--node-selector"))
        spec.int("priority", options.priority)
        spec.int("timeoutSeconds", options.timeout)
        spec.int("maxAttempts", options.maxAttempts)
        spec.string("onNodeLost", options.onNodeLost)
        spec.int("stopGraceSeconds", options.grace)
        spec.string("pullPolicy", options.pull)
        spec.string("idempotencyKey", options.idempotencyKey ?? idempotencyKey)
        return spec.finish()
    }

    /// The last component of an image's path without tag and digest, and a suffix that distinguishes tasks.
    static func name(of image: String, suffix: String) -> String {
        let path = image.prefix { $0 != "@" }
        let last = path.split(separator: "/").last ?? "task"
        let allowed = last.prefix { $0 != ":" }.lowercased().filter { character in
            character.isASCII && (character.isLetter || character.isNumber || "-_.".contains(character))
        }
        let stem = allowed.drop { !($0.isLetter || $0.isNumber) }
        return "\((stem.isEmpty ? "task" : stem).prefix(nameBytesMax - suffix.utf8.count - 1))-\(suffix)"
    }

    /// The variables of the files, then those of the options: the last of a name is used.
    private func environment() throws -> [(name: String, value: String)] {
        var pairs: [(name: String, value: String)] = []
        for path in options.environmentFiles {
            pairs += try EnvironmentFile.parse(try InputFile.read(path), path: path, environmentValue: environmentValue)
        }
        for text in options.environment {
            if let equals = text.firstIndex(of: "=") {
                pairs.append((String(text[..<equals]), String(text[text.index(after: equals)...])))
            } else if let value = environmentValue(text) {
                pairs.append((text, value))
            } else {
                throw ValidationError("--env \(text): no such variable here; write \(text)=VALUE")
            }
        }
        return Self.distinct(pairs)
    }

    private static func array(_ texts: [String]) -> [UInt8] {
        var writer = JSONWriter(capacityBytes: 256)
        writer.beginArray()
        for (index, text) in texts.enumerated() {
            writer.comma(before: index)
            writer.string(text)
        }
        writer.endArray()
        return writer.withUnsafeBytes { Array($0) }
    }

    private static func pairs(_ texts: [String], _ option: String) throws -> [(name: String, value: String)] {
        try distinct(
            texts.map { text in
                guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
                    throw ValidationError("\(option) \(text): write NAME=VALUE")
                }
                return (String(text[..<equals]), String(text[text.index(after: equals)...]))
            }
        )
    }

    /// For a repeated name the last value wins, as with a shell's assignments.
    private static func distinct(_ pairs: [(name: String, value: String)]) -> [(name: String, value: String)] {
        var result: [(name: String, value: String)] = []
        for pair in pairs {
            result.removeAll { $0.name == pair.name }
            result.append(pair)
        }
        return result
    }

    /// Parses `[HOST:]CONTAINER[/tcp|/udp]` as an element of `ports`.
    private static func port(_ text: String) throws -> [UInt8] {
        let fault = ValidationError("--port \(text): write [HOST:]CONTAINER[/udp], ports from 1 to 65535")
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.count == 1 || ["tcp", "udp"].contains(parts[1]) else { throw fault }
        let numbers = try parts[0].split(separator: ":", omittingEmptySubsequences: false).map { part in
            guard let number = Int(part), Limits.portNumbers.contains(number) else { throw fault }
            return number
        }
        guard let container = numbers.last, numbers.count <= 2 else { throw fault }
        var object = ObjectWriter()
        object.int("container", container)
        object.int("host", numbers.count == 2 ? numbers[0] : nil)
        object.string("protocol", parts.count == 2 ? String(parts[1]) : nil)
        return object.finish()
    }

    private func resources() -> [UInt8]? {
        guard options.cpu != nil || options.memory != nil else { return nil }
        var limits = ObjectWriter()
        Self.quantity("cpu", options.cpu, &limits)
        Self.quantity("memory", options.memory, &limits)
        var resources = ObjectWriter()
        resources.json("limits", limits.finish())
        return resources.finish()
    }

    /// Writes a number where the text is one in JSON, else a string, which the master parses.
    private static func quantity(_ name: String, _ text: String?, _ object: inout ObjectWriter) {
        guard let text else { return }
        var probe = ObjectWriter()
        probe.json("n", Array(text.utf8))
        var reader = JSONReader()
        let isNumber = probe.finish().withUnsafeBytes { bytes in
            (try? reader.parse(bytes))?.root["n"].map { $0.isNumber && $0.raw.count == text.utf8.count } ?? false
        }
        if isNumber { object.json(name, Array(text.utf8)) } else { object.string(name, text) }
    }
}
