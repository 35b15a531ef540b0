import ArgumentParser

enum OutputFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    case table
    case json
    case ndjson
}

/// Streams objects of one kind: as one JSON array, or one on each line.
struct JSONObjects {
    let format: OutputFormat
    private var count = 0

    init(_ format: OutputFormat) {
        self.format = format
    }

    /// The text includes what precedes, separates and follows the objects.
    mutating func text(of objects: [[UInt8]]) -> [UInt8] {
        var text: [UInt8] = []
        for object in objects {
            if format == .json { text += Array((count == 0 ? "[" : ",\n").utf8) }
            text += object
            if format == .ndjson { text.append(UInt8(ascii: "\n")) }
            count += 1
        }
        return text
    }

    func end() -> [UInt8] {
        format == .json ? Array((count == 0 ? "[]\n" : "]\n").utf8) : []
    }
}
