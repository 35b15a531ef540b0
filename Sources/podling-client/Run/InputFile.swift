import Glibc

/// Reads all of a file, or of standard input.
enum InputFile {
    static let bytesMax = 64 * 1024 * 1024
    private static let chunkBytes = 64 * 1024

    /// - Parameter path: `-` is standard input.
    /// - Throws: `Failure`.
    static func read(_ path: String) throws -> [UInt8] {
        let descriptor = path == "-" ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(message: "cannot open \(path): \(reason())") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: chunkBytes)
        while true {
            let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return bytes }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw Failure(message: "cannot read \(path): \(reason())")
            }
            bytes += chunk[..<count]
            guard bytes.count <= bytesMax else { throw Failure(message: "\(path) has more than \(bytesMax) bytes") }
        }
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
