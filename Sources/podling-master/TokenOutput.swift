import FoundationEssentials
import Glibc
import PodlingAccess

/// A new file for a token, readable by its owner only.
struct TokenOutput {
    let path: String

    /// - Throws: `TokenError`; an existing file stays as it is.
    func write(_ token: String) throws(TokenError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            guard errno != EEXIST else {
                throw TokenError("--out: \(path) is there already; give another name, or remove it first")
            }
            throw TokenError("--out: \(path) cannot be made: \(Self.lastError)")
        }
        let bytes = Array("\(token)\n".utf8)
        let isWritten = Glibc.write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
        let why = Self.lastError
        close(descriptor)
        guard isWritten else {
            remove()
            throw TokenError("--out: \(path) cannot be written: \(why)")
        }
    }

    func remove() { unlink(path) }

    private static var lastError: String { String(cString: strerror(errno)) }
}
