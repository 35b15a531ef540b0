import Glibc
import LoadSupport

/// beanstalkd's protocol (doc/protocol.txt): put, reserve, delete; a lifecycle is done at `DELETED`.
struct BeanstalkdDriver: ThroughputDriver, ~Copyable {
    static let reserve: StaticString = "reserve\r\n"
    private static let inserted: StaticString = "INSERTED "
    private static let reserved: StaticString = "RESERVED "
    private static let deleted: StaticString = "DELETED"

    private(set) var submitted = 0
    private(set) var completed = 0
    let workersReady: Int
    /// A delete waits behind the reserves before it on its connection, so the last ones are never answered.
    var canDrain: Bool { false }
    private let put: [UInt8]

    init(workers: Int) {
        workersReady = workers
        let count = PodlingLines.submitBytes
        put = Array("put 0 0 60 \(count)\r\n\(String(repeating: "x", count: count))\r\n".utf8)
    }

    mutating func submit(_ count: Int, on connection: UnsafeMutablePointer<Connection>) {
        put.withUnsafeBytes { line in
            guard let start = line.baseAddress else { return }
            for _ in 0..<count { connection.pointee.output.append(start, line.count) }
        }
        submitted &+= count
        connection.pointee.unconfirmed &+= count
    }

    mutating func received(
        _ bytes: UnsafeRawBufferPointer,
        on connection: UnsafeMutablePointer<Connection>
    ) throws(LoadFailure) -> Int {
        guard var line = bytes.baseAddress else { return 0 }
        let start = line
        let end = line + bytes.count
        while let found = memchr(line, Int32(UInt8(ascii: "\n")), end - line) {
            let count = UnsafeRawPointer(found) - line
            if PodlingLines.starts(line, count, Self.reserved) {
                guard let used = try job(line, count, end, connection) else { return line - start }
                line += used
                continue
            }
            if PodlingLines.starts(line, count, Self.inserted) {
                connection.pointee.unconfirmed &-= 1
            } else if PodlingLines.starts(line, count, Self.deleted) {
                completed &+= 1
            } else if !PodlingLines.starts(line, count, "USING "), !PodlingLines.starts(line, count, "WATCHING ") {
                throw .unexpected(line, count, from: "beanstalkd")
            }
            line += count + 1
        }
        return line - start
    }

    /// `RESERVED <id> <bytes>` and the body; nil where it is not all there.
    private func job(
        _ line: UnsafeRawPointer,
        _ count: Int,
        _ end: UnsafeRawPointer,
        _ connection: UnsafeMutablePointer<Connection>
    ) throws(LoadFailure) -> Int? {
        let used = count + 1 + PodlingLines.submitBytes + 2
        guard end - line >= used else { return nil }
        let id = line + Self.reserved.utf8CodeUnitCount
        guard let space = memchr(id, Int32(UInt8(ascii: " ")), line + count - id) else {
            throw .unexpected(line, count, from: "beanstalkd")
        }
        connection.pointee.output.append("delete ")
        connection.pointee.output.append(id, UnsafeRawPointer(space) - id)
        connection.pointee.output.append("\r\n")
        connection.pointee.output.append(Self.reserve)
        return used
    }

    func checkCounts() {}
    func addFigures(to report: inout Report) {}
}
