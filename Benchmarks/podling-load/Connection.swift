import Glibc

/// One connection of the generator: all its fields are plain, so that the loop touches no reference counts.
struct Connection {
    let descriptor: Int32
    let isWorker: Bool
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

    init(descriptor: Int32, isWorker: Bool, outputCapacity: Int = 64 * 1024) {
        self.descriptor = descriptor
        self.isWorker = isWorker
        output = OutputBuffer(capacity: outputCapacity)
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
        let kept = connection.pointee.partialCount
        if kept > 0, let partial = connection.pointee.partial { memcpy(bytes, partial, kept) }
        let count = recv(connection.pointee.descriptor, bytes + kept, capacity - kept, 0)
        guard count > 0 else {
            if count < 0, errno == EAGAIN || errno == EINTR { return }
            throw count == 0 ? LoadFailure("the server closed a connection") : Socket.failure("recv")
        }
        let all = kept + count
        let used = try consume(UnsafeRawBufferPointer(start: bytes, count: all))
        guard used < capacity, all - used < capacity else { throw LoadFailure("a message is over \(capacity) bytes") }
        keep(connection, from: used, count: all - used)
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
