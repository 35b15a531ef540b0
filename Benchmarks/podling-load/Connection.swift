import COpenSSL
import Glibc
import LoadSupport

/// One connection of the generator: all its fields are plain, so that the loop touches no reference counts.
struct Connection {
    let descriptor: Int32
    let isWorker: Bool
    /// nil is plain text.
    let tls: OpaquePointer?
    var output: OutputBuffer
    /// Submits without a reply.
    var unconfirmed = 0
    /// When what was sent last was written, for modes that measure single answers.
    var sentAt: UInt64 = 0
    var isWaitingToWrite = false
    /// The first bytes of a message whose rest has not come.
    fileprivate var partial: UnsafeMutableRawPointer?
    fileprivate var partialCount = 0
    fileprivate var partialCapacity = 0

    init(descriptor: Int32, isWorker: Bool, outputCapacity: Int = 64 * 1024, tls: OpaquePointer? = nil) {
        self.descriptor = descriptor
        self.tls = tls
        self.isWorker = isWorker
        output = OutputBuffer(capacity: outputCapacity)
    }
}

extension Connection {
    /// Reads what is there; 0 where nothing is.
    @inline(__always)
    func receive(into bytes: UnsafeMutableRawPointer, capacity: Int) throws(LoadFailure) -> Int {
        if let tls { return try Self.receive(tls, bytes, capacity) }
        let count = recv(descriptor, bytes, capacity, 0)
        if count > 0 { return count }
        if count < 0, errno == EAGAIN || errno == EINTR { return 0 }
        throw count == 0 ? LoadFailure("the server closed a connection") : Socket.failure("recv")
    }

    /// All that has come, for epoll knows nothing of what OpenSSL has read already.
    private static func receive(
        _ tls: OpaquePointer,
        _ bytes: UnsafeMutableRawPointer,
        _ capacity: Int
    ) throws(LoadFailure) -> Int {
        var all = 0
        while all < capacity {
            ERR_clear_error()
            let count = SSL_read(tls, bytes + all, Int32(clamping: capacity - all))
            if count > 0 {
                all += Int(count)
                continue
            }
            if SSL_get_error(tls, count) == SSL_ERROR_WANT_READ { return all }
            throw TLSClient.failure("the server closed a TLS connection")
        }
        return all
    }
}

/// Room that all connections read into: what is whole is used in place, only a partial message is copied.
struct ReadBuffer: ~Copyable {
    private let capacity = 512 * 1024
    private let bytes: UnsafeMutableRawPointer

    init() {
        bytes = .allocate(byteCount: capacity, alignment: 64)
    }

    deinit { bytes.deallocate() }

    /// Reads once, and hands the bytes to `consume`, which returns how many it used.
    @inline(__always)
    mutating func read(
        _ connection: UnsafeMutablePointer<Connection>,
        _ consume: (UnsafeRawBufferPointer) throws(LoadFailure) -> Int
    ) throws(LoadFailure) {
        var isFull = true
        while isFull {
            let kept = connection.pointee.partialCount
            if kept > 0, let partial = connection.pointee.partial { memcpy(bytes, partial, kept) }
            let count = try connection.pointee.receive(into: bytes + kept, capacity: capacity - kept)
            guard count > 0 else { return }
            let all = kept + count
            let used = try consume(UnsafeRawBufferPointer(start: bytes, count: all))
            guard all - used < capacity else { throw LoadFailure("a message is over \(capacity) bytes") }
            keep(connection, from: used, count: all - used)
            isFull = all == capacity && connection.pointee.tls != nil
        }
    }

    @inline(__always)
    private func keep(_ connection: UnsafeMutablePointer<Connection>, from start: Int, count: Int) {
        connection.pointee.partialCount = count
        guard count > 0 else { return }
        if connection.pointee.partialCapacity < count {
            connection.pointee.partial?.deallocate()
            connection.pointee.partialCapacity = max(1_024, count * 2)
            connection.pointee.partial = .allocate(byteCount: connection.pointee.partialCapacity, alignment: 16)
        }
        if let partial = connection.pointee.partial { memcpy(partial, bytes + start, count) }
    }
}
