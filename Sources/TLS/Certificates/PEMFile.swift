internal import COpenSSL
import Glibc

/// A PEM file of this side, read whole; every error names the setting and the path.
struct PEMFile {
    /// Size limit: a bundle of public CAs has some 250 KiB.
    static let bytesMax = 4 * 1_024 * 1_024

    /// The name of the setting that gave the path: `sslcert` or `--tls-cert`.
    let setting: String
    let path: String
    private let bytes: [UInt8]

    enum Secrecy {
        case open
        case secret(isServer: Bool)
    }

    init(_ path: String, setting: String, secrecy: Secrecy = .open) throws(TLSError) {
        self.setting = setting
        self.path = path
        let place = "\(setting): \(path)"
        // Opening a FIFO would otherwise block until someone writes.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Self.cannotRead(place, errno) }
        defer { close(descriptor) }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0 else { throw Self.cannotRead(place, errno) }
        guard facts.st_mode & S_IFMT == S_IFREG else {
            throw .configuration("\(place) is not a regular file", cure: "Give the path of a file.")
        }
        if case .secret(let isServer) = secrecy,
            let offence = KeyFilePermissions.offence(
                mode: facts.st_mode,
                owner: facts.st_uid,
                user: geteuid(),
                isServer: isServer
            )
        {
            throw .configuration("\(place) \(offence.wrong)", cure: offence.cure)
        }
        guard facts.st_size <= Self.bytesMax else {
            throw .configuration("\(place) has \(facts.st_size) bytes; at most \(Self.bytesMax) are read")
        }
        bytes = try Self.read(descriptor, place)
    }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    private static func read(_ descriptor: Int32, _ place: String) throws(TLSError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: bytesMax + 1)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes { space in
                Glibc.read(descriptor, space.baseAddress.map { $0 + count }, space.count - count)
            }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw cannotRead(place, errno) }
            if got == 0 { return Array(bytes.prefix(count)) }
            count += got
        }
        throw .configuration("\(place) grows while it is read")
    }

    private static func cannotRead(_ place: String, _ code: Int32) -> TLSError {
        let cure: String? =
            switch code {
            case ENOENT, ENOTDIR: "Give the path of a file that is there."
            case EACCES: "Let the user that this process runs as read it."
            default: nil
            }
        return .configuration("\(place) cannot be read: \(String(cString: strerror(code)))", cure: cure)
    }

    /// Wraps the file's bytes in a BIO that lives as long as `body`.
    private func withBIO<Value>(_ body: (OpaquePointer) throws(TLSError) -> Value) throws(TLSError) -> Value {
        OpenSSLErrors.clear()
        guard let bio = BIO_new_mem_buf(bytes, Int32(clamping: bytes.count)) else {
            throw .configuration("\(setting): \(OpenSSLErrors.take().text)")
        }
        defer { BIO_free(bio) }
        return try body(bio)
    }

    /// All blocks of one kind in the file, in order; `next` reads one, and returns nil where it cannot.
    private func blocks<Block>(
        _ kind: String,
        _ next: (OpaquePointer) -> Block?
    ) throws(TLSError) -> [Block] {
        try withBIO { bio throws(TLSError) in
            var found: [Block] = []
            while let block = next(bio) { found.append(block) }
            let errors = OpenSSLErrors.take()
            guard errors.isEndOfPEM else {
                throw .configuration(
                    "\(setting): \(path): \(kind) number \(found.count + 1) is malformed (\(errors.text))",
                    cure: "Give the file as it was issued, in PEM form."
                )
            }
            guard !found.isEmpty else {
                throw .configuration(
                    "\(setting): \(path) holds no \(kind)",
                    cure: "A PEM file has lines like '-----BEGIN \(kind.uppercased())-----'."
                )
            }
            return found
        }
    }

    /// - Returns: at least one certificate.
    func certificates() throws(TLSError) -> [Certificate] {
        try blocks("certificate") { PEM_read_bio_X509($0, nil, nil, nil).map { Certificate(owning: $0) } }
    }

    /// - Returns: at least one CRL.
    func revocationLists() throws(TLSError) -> [RevocationList] {
        try blocks("X509 CRL") { PEM_read_bio_X509_CRL($0, nil, nil, nil).map { RevocationList(owning: $0) } }
    }

    /// Passes the private key to `body`. A passphrase is never prompted for: nobody may be there to type it.
    func withPrivateKey<Value>(_ body: (OpaquePointer) throws(TLSError) -> Value) throws(TLSError) -> Value {
        var isEncrypted = false
        let key = try withBIO { bio throws(TLSError) in
            withUnsafeMutablePointer(to: &isEncrypted) { flag in
                PEM_read_bio_PrivateKey(
                    bio,
                    nil,
                    { _, _, _, flag in
                        flag?.assumingMemoryBound(to: Bool.self).pointee = true
                        return -1
                    },
                    flag
                )
            }
        }
        let errors = OpenSSLErrors.take()
        if let key {
            defer { EVP_PKEY_free(key) }
            return try body(key)
        }
        if isEncrypted {
            throw .configuration(
                "\(setting): \(path) is encrypted, and no passphrase is asked for",
                cure: "Store it without: openssl pkey -in \(path) -out KEY, in a file that only its user can read."
            )
        }
        throw .configuration(
            "\(setting): \(path) holds no private key that can be read (\(errors.text))",
            cure: "A PEM file has a line like '-----BEGIN PRIVATE KEY-----'."
        )
    }
}
