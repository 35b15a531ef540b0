import COpenSSL
import Glibc
import LoadSupport

/// Bytes to be written, in memory that is reused. Plain pointers, so that copying one counts no references.
struct OutputBuffer {
    private static let recordBytesMax = 16 * 1024

    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    private var sent = 0
    private(set) var end = 0

    init(capacity: Int) {
        base = .allocate(byteCount: capacity, alignment: 16)
        self.capacity = capacity
    }

    @inline(__always)
    var isEmpty: Bool { sent == end }

    @inline(__always)
    mutating func append(_ text: StaticString) {
        append(text.utf8Start, text.utf8CodeUnitCount)
    }

    @inline(__always)
    mutating func append(_ bytes: UnsafeRawPointer, _ count: Int) {
        if capacity - end < count { makeRoom(count) }
        memcpy(base + end, bytes, count)
        end &+= count
    }

    mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            if let start = bytes.baseAddress { append(start, bytes.count) }
        }
    }

    /// Writes what the socket takes; false where it is full.
    mutating func write(to descriptor: Int32, _ tls: OpaquePointer? = nil) throws(LoadFailure) -> Bool {
        while sent < end {
            if let tls {
                ERR_clear_error()
                let count = SSL_write(tls, base + sent, Int32(clamping: min(end - sent, Self.recordBytesMax)))
                if count > 0 {
                    sent &+= Int(count)
                    continue
                }
                if SSL_get_error(tls, count) == SSL_ERROR_WANT_WRITE { return false }
                throw TLSClient.failure("SSL_write")
            }
            let count = Glibc.send(descriptor, base + sent, end - sent, Int32(MSG_NOSIGNAL))
            if count < 0 {
                if errno == EAGAIN { return false }
                if errno == EINTR { continue }
                throw Socket.failure("send")
            }
            sent &+= count
        }
        sent = 0
        end = 0
        return true
    }

    @inline(never)
    private mutating func makeRoom(_ count: Int) {
        let kept = end - sent
        let needed = max(capacity * 2, kept + count)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: needed, alignment: 16)
        memcpy(larger, base + sent, kept)
        base.deallocate()
        base = larger
        capacity = needed
        sent = 0
        end = kept
    }
}
