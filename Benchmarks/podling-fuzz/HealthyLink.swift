import COpenSSL
import Glibc
import LoadSupport

/// A connection of a peer that behaves; for one thread.
final class HealthyLink {
    private static let chunkBytes = 64 * 1024

    private let descriptor: Int32
    private let tls: OpaquePointer?
    private var out: [UInt8] = []
    /// OpenSSL wants a write that found no room to be tried again with as many bytes.
    private var piece = 0
    private var partial: [UInt8] = []
    private var hasEnded = false

    init(_ address: String, _ client: TLSClient?) throws(LoadFailure) {
        descriptor = try Socket.connect(address)
        do throws(LoadFailure) {
            tls = try client?.handshake(descriptor)
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit {
        if let tls { SSL_free(tls) }
        close(descriptor)
    }

    func send(_ line: String) throws(LoadFailure) {
        out.append(contentsOf: line.utf8)
        out.append(0x0A)
        try flush()
    }

    /// Waits until one of them has something to read, or room for what is to be sent.
    static func wait(_ links: [HealthyLink], milliseconds: Int32) {
        var descriptors = links.map {
            pollfd(fd: $0.descriptor, events: Int16(POLLIN | ($0.out.isEmpty ? 0 : POLLOUT)), revents: 0)
        }
        _ = poll(&descriptors, nfds_t(descriptors.count), milliseconds)
    }

    /// The whole lines that have come.
    func receive() throws(LoadFailure) -> [[UInt8]] {
        try flush()
        while try receiveChunk() {}
        guard let last = partial.lastIndex(of: 0x0A) else { return [] }
        let lines = partial[..<last].split(separator: 0x0A).map(Array.init)
        partial.removeSubrange(...last)
        return lines
    }

    private func flush() throws(LoadFailure) {
        while !out.isEmpty {
            if piece == 0 { piece = min(out.count, Self.chunkBytes) }
            let count = out.withUnsafeBytes { bytes -> Int in
                if let tls {
                    ERR_clear_error()
                    let count = SSL_write(tls, bytes.baseAddress, Int32(piece))
                    return count > 0 ? Int(count) : SSL_get_error(tls, count) == SSL_ERROR_WANT_WRITE ? 0 : -1
                }
                let count = Glibc.send(descriptor, bytes.baseAddress, piece, Int32(MSG_NOSIGNAL))
                return count < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : count
            }
            guard count >= 0 else { throw LoadFailure("the master ended a healthy connection") }
            guard count > 0 else { return }
            out.removeFirst(count)
            piece = 0
        }
    }

    private func receiveChunk() throws(LoadFailure) -> Bool {
        let chunk = [UInt8](unsafeUninitializedCapacity: Self.chunkBytes) { buffer, filled in
            var count = 0
            if let tls {
                ERR_clear_error()
                let read = SSL_read(tls, buffer.baseAddress, Int32(Self.chunkBytes))
                count = read > 0 ? Int(read) : SSL_get_error(tls, read) == SSL_ERROR_WANT_READ ? 0 : -1
            } else {
                count = recv(descriptor, buffer.baseAddress, Self.chunkBytes, 0)
                if count == 0 { count = -1 } else if count < 0, errno == EAGAIN || errno == EINTR { count = 0 }
            }
            hasEnded = count < 0
            filled = max(0, count)
        }
        guard !hasEnded else { throw LoadFailure("the master ended a healthy connection") }
        partial += chunk
        return !chunk.isEmpty
    }
}
