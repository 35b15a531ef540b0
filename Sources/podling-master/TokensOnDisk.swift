import FoundationEssentials
import Glibc
import PodlingAccess

/// A tokens file: read as a whole, changed under a lock, replaced atomically.
struct TokensOnDisk {
    private static let lockMilliseconds = 10_000

    let path: String

    /// - Throws: `TokenError`, which names the file and the remedy.
    func read() throws(TokenError) -> [TokenRecord] {
        do {
            return try TokensFile.records(of: text())
        } catch {
            throw TokenError("\(path): \(error)")
        }
    }

    /// A version stamp of the file, owner and mode included, without reading it; nil where it does not exist.
    func stamp() -> String? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        let (changed, touched) = (status.st_mtim, status.st_ctim)
        return """
            \(status.st_dev) \(status.st_ino) \(status.st_size) \(changed.tv_sec).\(changed.tv_nsec) \
            \(touched.tv_sec).\(touched.tv_nsec) \(status.st_mode) \(status.st_uid) \(status.st_gid)
            """
    }

    private func text() throws(TokenError) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            guard errno == ENOENT else { throw TokenError("cannot be read: \(Self.lastError)") }
            throw TokenError("is not there; begin it: podling-master token create --role admin --tokens \(path)")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw TokenError("is not a regular file")
        }
        guard status.st_mode & 0o022 == 0 else {
            throw TokenError("others may write to it, and so give themselves any role; chmod go-w it")
        }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            guard count >= 0 else { throw TokenError("cannot be read: \(Self.lastError)") }
            guard count > 0 else { break }
            bytes += chunk[..<count]
            guard bytes.count <= TokensFile.bytesMax else {
                throw TokenError("is over \(TokensFile.bytesMax) bytes")
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw TokenError("is not UTF-8") }
        return text
    }

    // MARK: Changing

    /// Adds a token; a missing file is created, readable by its owner only.
    func add(_ record: TokenRecord) throws(TokenError) {
        try change { (text) throws(TokenError) in
            let known = try TokensFile.records(of: text)
            guard !known.contains(where: { $0.name == record.name }) else {
                throw TokenError("there is a token \(record.name); choose another --name, or revoke that one")
            }
            _ = try TokenTable(known + [record])
            let start = text.isEmpty || text.last == "\n" ? text : text + "\n"
            return start + TokensFile.line(record)
        }
    }

    func revoke(_ name: String) throws(TokenError) {
        try change { (text) throws(TokenError) in
            guard let rest = TokensFile.text(text, without: name) else { throw TokenError("there is no token \(name)") }
            return rest
        }
    }

    private func change(_ body: (String) throws(TokenError) -> String) throws(TokenError) {
        do {
            let file = TokensOnDisk(path: try target())
            try file.locked { () throws(TokenError) in
                let text = file.stamp() == nil ? TokensFile.head : try file.text()
                try file.replace(body(text))
            }
        } catch {
            throw TokenError("\(path): \(error)")
        }
    }

    /// The file to replace: the target of a link, never the link.
    private func target() throws(TokenError) -> String {
        if let real = realpath(path, nil) {
            defer { free(real) }
            return String(cString: real)
        }
        guard errno == ENOENT else { throw TokenError("cannot be read: \(Self.lastError)") }
        var status = stat()
        guard lstat(path, &status) != 0 else { throw TokenError("is a link to a file that is not there") }
        return path
    }

    /// Holds a lock on the folder, so that no lock file is left next to the file.
    private func locked(_ body: () throws(TokenError) -> Void) throws(TokenError) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw TokenError("its folder cannot be opened: \(Self.lastError)") }
        defer { close(descriptor) }
        var left = Self.lockMilliseconds
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR, left > 0 else {
                throw TokenError("another program holds its folder's lock")
            }
            let wait = Int.random(in: 10...30)
            left -= wait
            usleep(UInt32(wait * 1_000))
        }
        try body()
    }

    private var folder: String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Replaces the file atomically: a reader sees the old text or the new one, even after a crash. Owner and mode
    /// stay.
    private func replace(_ text: String) throws(TokenError) {
        var old = stat()
        let isThere = stat(path, &old) == 0
        let draft = "\(path).\(getpid())"
        unlink(draft)
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw TokenError("cannot be written: \(Self.lastError)") }
        if isThere {
            fchmod(descriptor, old.st_mode & 0o777)
            // Only root may change a file's owner; for others it is their own already.
            if old.st_uid != geteuid() || old.st_gid != getegid() { _ = fchown(descriptor, old.st_uid, old.st_gid) }
        }
        var isWritten = Self.write(Array(text.utf8), to: descriptor) && fsync(descriptor) == 0
        close(descriptor)
        isWritten = isWritten && rename(draft, path) == 0
        guard isWritten else {
            let why = Self.lastError
            unlink(draft)
            throw TokenError("cannot be written: \(why)")
        }
        let place = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if place >= 0 {
            fsync(place)
            close(place)
        }
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private static var lastError: String { String(cString: strerror(errno)) }
}
