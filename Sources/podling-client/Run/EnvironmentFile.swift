import ArgumentParser

/// A file of environment variables in docker's format: NAME=VALUE on each line, taken as it stands, without quotes; NAME
/// alone takes its value from here; blank lines and those that begin with # are ignored.
enum EnvironmentFile {
    /// - Throws: `Failure`, which names the line.
    static func parse(
        _ bytes: [UInt8],
        path: String,
        environmentValue: (String) -> String?
    ) throws -> [(name: String, value: String)] {
        var pairs: [(name: String, value: String)] = []
        // A byte order mark, which some editors write.
        let bytes = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
        for (index, row) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            guard let text = String(validating: row.last == 0x0D ? row.dropLast() : row, as: UTF8.self) else {
                throw Failure(message: "--env-file \(path): line \(index + 1) is not UTF-8")
            }
            let line = text.drop { $0 == " " || $0 == "\t" }
            guard !line.isEmpty, line.first != "#" else { continue }
            let name = line.prefix { $0 != "=" }
            guard !name.isEmpty, !name.contains(where: { $0 == " " || $0 == "\t" }) else {
                throw Failure(message: "--env-file \(path): line \(index + 1) is not NAME=VALUE")
            }
            if name.endIndex < line.endIndex {
                pairs.append((String(name), String(line[line.index(after: name.endIndex)...])))
            } else if let value = environmentValue(String(name)) {
                pairs.append((String(name), value))
            }
        }
        return pairs
    }
}
