import Crypto
import PodlingProtocol

/// The last line of an export: how many tasks there are, and the SHA-256 of all the bytes before it.
struct ExportTrailer: Equatable {
    static let version = 1
    /// How a line begins that is no task.
    static let prefix = Array(#"{"export":"#.utf8)

    var count: Int
    /// In hexadecimal, as sha256sum writes it.
    var sha256: String

    var line: String { #"{"export":{"version":\#(Self.version),"count":\#(count),"sha256":"\#(sha256)"}}"# + "\n" }

    init(count: Int, sha256: String) {
        (self.count, self.sha256) = (count, sha256)
    }

    /// - Throws: `Failure`.
    init(_ line: [UInt8]) throws {
        var reader = JSONReader()
        let read = line.withUnsafeBytes { bytes -> (version: Int?, count: Int?, sha256: String?)? in
            guard let export = try? reader.parse(bytes).root["export"] else { return nil }
            return (export["version"]?.int(), export["count"]?.int(), export["sha256"]?.string())
        }
        if let version = read?.version, version != Self.version {
            throw Failure(message: "the export has version \(version); this program reads \(Self.version)")
        }
        guard let read, read.version != nil, let count = read.count, let sha256 = read.sha256 else {
            throw Failure(message: "the trailer is damaged")
        }
        self.init(count: count, sha256: sha256)
    }
}

/// The SHA-256 of bytes as they come.
struct Checksum {
    private var hash = SHA256()

    mutating func add(_ bytes: some Sequence<UInt8>) {
        let array = Array(bytes)
        array.withUnsafeBytes { hash.update(bufferPointer: $0) }
    }

    /// In hexadecimal.
    var text: String {
        let digits = Array("0123456789abcdef")
        return hash.finalize().reduce(into: "") { text, byte in
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
    }
}
