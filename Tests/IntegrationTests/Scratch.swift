import FoundationEssentials

/// A directory that goes with the last reference to it.
final class Scratch: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "podling-integration-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The full path of a file in it.
    func file(_ name: String) -> String { "\(path)/\(name)" }

    func lines(of name: String) -> [Substring] {
        let bytes = FileManager.default.contents(atPath: "\(path)/\(name)") ?? Data()
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    }
}
