import Glibc
import PodlingProtocol

/// Writes a file atomically: to a temporary file next to it, which is renamed at the end.
final class OutputFile {
    private static let bufferBytes = 256 * 1024
    private let path: String
    private var temporaryPath: String?
    private var descriptor: CInt
    private var buffer: [UInt8] = []

    /// - Throws: `Failure`.
    init(_ path: String) throws {
        self.path = path
        var facts = stat()
        if stat(path, &facts) == 0, facts.st_mode & S_IFMT != S_IFREG {
            // A pipe or a device is written directly.
            descriptor = open(path, O_WRONLY | O_CLOEXEC)
        } else {
            // Task specs may hold secrets: mkstemp makes the file readable by its owner only.
            var template = Array("\(path).part-XXXXXX".utf8CString)
            descriptor = mkstemp(&template)
            let name = template.dropLast().map { UInt8(bitPattern: $0) }
            if descriptor >= 0 { temporaryPath = String(decoding: name, as: UTF8.self) }
        }
        guard descriptor >= 0 else { throw Failure(message: "cannot write \(path): \(Self.reason())") }
    }

    deinit { discard() }

    func write(_ bytes: [UInt8]) throws {
        buffer += bytes
        if buffer.count >= Self.bufferBytes { try flush() }
    }

    /// Makes it durable (fsync), and renames it.
    func finish() throws {
        try flush()
        guard let temporaryPath else { return }
        guard fsync(descriptor) == 0, close(descriptor) == 0 else {
            throw Failure(message: "cannot write \(path): \(Self.reason())")
        }
        descriptor = -1
        guard rename(temporaryPath, path) == 0 else {
            throw Failure(message: "cannot write \(path): \(Self.reason())")
        }
        self.temporaryPath = nil
    }

    /// Removes the temporary file.
    func discard() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        if let temporaryPath { unlink(temporaryPath) }
        temporaryPath = nil
    }

    private func flush() throws {
        try buffer.withUnsafeBytes { bytes in
            var rest = bytes
            while !rest.isEmpty {
                let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if written >= 0 {
                    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
                } else if errno != EINTR {
                    throw Failure(message: "cannot write \(path): \(Self.reason())")
                }
            }
        }
        buffer.removeAll(keepingCapacity: true)
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
