import PodlingDigest
import PodlingProtocol

/// The last line of an export: the count of tasks, and the SHA-256 of all bytes before it.
struct ExportTrailer: Equatable {
    static let version = 1
    /// The beginning of the trailer, which no task has.
    static let prefix = Array(#"{"export":"#.utf8)

    var count: Int
    /// Hexadecimal, in sha256sum's form.
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

/// Incremental SHA-256.
final class Checksum {
    private let hash = SHA256()

    func add(_ bytes: some Sequence<UInt8>) {
        let array = Array(bytes)
        array.withUnsafeBytes { hash.update($0) }
    }

    /// The digest of all input so far, in hexadecimal.
    ///
    /// - Throws: `Failure`.
    func text() throws -> String {
        guard let digest = hash.digest() else {
            throw Failure(message: "OpenSSL does not compute SHA-256: look at its configuration (openssl.cnf)")
        }
        let digits = Array("0123456789abcdef")
        return digest.reduce(into: "") { text, byte in
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
    }
}
