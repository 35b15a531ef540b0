import ArgumentParser
import PodlingProtocol
import PodlingWorker

extension EngineChoice: ExpressibleByArgument {}

/// Thousandths of a core, in the notation of a task spec.
struct CPUAmount: ExpressibleByArgument {
    var millis: Int

    init?(argument: String) {
        guard let millis = Self.quantity(argument, Quantity.cpuMillis), millis > 0 else { return nil }
        self.millis = millis
    }

    /// Parses an argument by the rules of a task spec's quantities, which read JSON.
    static func quantity(_ text: String, _ read: (JSONValue) -> Int?) -> Int? {
        var writer = JSONWriter(capacityBytes: 64)
        writer.raw("{\"value\":")
        writer.string(text)
        writer.raw("}")
        var reader = JSONReader()
        return writer.withUnsafeBytes { line in
            (try? reader.parse(line).root.optional("value")).flatMap(read)
        }
    }
}

/// Bytes, in the notation of a task spec.
struct MemoryAmount: ExpressibleByArgument {
    var bytes: Int

    init?(argument: String) {
        guard let bytes = CPUAmount.quantity(argument, Quantity.memoryBytes), bytes > 0 else { return nil }
        self.bytes = bytes
    }
}

/// A label in the form `name=value`.
struct NodeLabel: ExpressibleByArgument {
    var name: String
    var value: String

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, (1...Limits.shortTextBytesMax).contains(parts[0].utf8.count),
            parts[1].utf8.count <= Limits.shortTextBytesMax
        else { return nil }
        name = String(parts[0])
        value = String(parts[1])
    }
}
