import Dispatch
import Glibc
import Synchronization

/// A fault-injecting proxy between a master and PostgreSQL, which knows enough of their protocol (PostgreSQL manual,
/// chapter 55) to cut it at the critical points. Without TLS: `sslmode=disable`.
///
/// A write is a statement with `mark` in it, sent by the extended protocol: it is committed when the server has read
/// the Sync after it, and acknowledged by ReadyForQuery.
public final class CuttingProxy: Sendable {
    public enum Fault: Sendable {
        /// The connection ends when a write is committed; the master hears nothing of it.
        case cutAfterCommit
        /// As `cutAfterCommit`, but the master has heard that the statement ran.
        case cutBetweenAnswerAndCommit
        /// The connection ends when the statement was sent, and before the Sync that commits it.
        case cutBeforeCommit
        /// From the reply to a write on, everything that either side sends on that connection is dropped; it stays
        /// open.
        case swallowFromCommit
    }

    private struct State {
        var fault: Fault?
        /// Writes that are still let through.
        var passing = 0
        var strikes = 0
        var isBlackhole = false
        /// Of connections.
        var accepted = 0
        /// Connections up to this number are cut, or black-holed.
        var cutMax = 0
        var swallowedMax = 0
        var isClosed = false
    }

    fileprivate static let mark = "FOR KEY SHARE"

    public let port: UInt16
    private let serverPort: UInt16
    private let listener: Int32
    private let state = Mutex(State())

    public init(to serverPort: UInt16) throws {
        self.serverPort = serverPort
        (listener, port) = try LineConnection.listen()
        let (state, listener) = (Weak(self), listener)
        DispatchQueue(label: "podling.proxy").async {
            while true {
                let client = LineConnection.accept(on: listener)
                guard client >= 0, let proxy = state.value else { break }
                proxy.take(client)
            }
            Glibc.close(listener)
        }
    }

    deinit { close() }

    /// Closes all connections, and accepts no more.
    public func close() {
        let wasOpen = state.withLock { state in
            defer { (state.isClosed, state.cutMax) = (true, .max) }
            return !state.isClosed
        }
        // Wakes up accept(2), which then closes it.
        if wasOpen { shutdown(listener, Int32(SHUT_RDWR)) }
    }

    /// Count of injected faults.
    public var strikes: Int { state.withLock { $0.strikes } }

    /// The next write, after this many others on any connection, meets the fault; once.
    public func strike(_ fault: Fault, afterWrites passing: Int = 0) {
        state.withLock { ($0.fault, $0.passing) = (fault, passing) }
    }

    /// Drops everything that either side of any connection sends, without closing one; or lets new connections through
    /// again. Existing connections stay black-holed.
    public func swallowAll(_ isOn: Bool) {
        state.withLock { ($0.isBlackhole, $0.swallowedMax) = (isOn, $0.accepted) }
    }

    /// Black-holes the existing connections, and lets new ones through.
    public func swallowThose() { swallowAll(false) }

    /// Closes all existing connections.
    public func cutAll() { state.withLock { $0.cutMax = $0.accepted } }

    // MARK: One connection

    private final class Weak: Sendable {
        private let proxy: Mutex<Reference>
        private struct Reference { weak var value: CuttingProxy? }
        init(_ proxy: CuttingProxy) { self.proxy = Mutex(Reference(value: proxy)) }
        var value: CuttingProxy? { proxy.withLock { $0.value } }
    }

    private func take(_ client: Int32) {
        let (this, serverPort) = (Weak(self), serverPort)
        let number = state.withLock { state in
            state.accepted += 1
            return state.accepted
        }
        DispatchQueue(label: "podling.proxy.connection").async {
            defer { Glibc.close(client) }
            guard let server = try? LineConnection.connected(host: "127.0.0.1", port: serverPort) else { return }
            defer { Glibc.close(server) }
            var pipe = ProxiedConnection(client: client, server: server)
            while let proxy = this.value, pipe.step(proxy, number) {}
        }
    }

    fileprivate func isCut(_ number: Int) -> Bool { state.withLock { number <= $0.cutMax } }

    fileprivate func isSwallowed(_ number: Int) -> Bool {
        state.withLock { $0.isBlackhole || number <= $0.swallowedMax }
    }

    /// What to do with this write.
    fileprivate func fault() -> Fault? {
        state.withLock { state in
            guard let fault = state.fault else { return nil }
            guard state.passing == 0 else {
                state.passing -= 1
                return nil
            }
            state.fault = nil
            state.strikes += 1
            return fault
        }
    }
}

/// Two sockets, and what has come of a message on either.
private struct ProxiedConnection {
    private static let chunkBytes = 64 * 1024
    private static let sliceMilliseconds: Int32 = 50

    let client: Int32
    let server: Int32
    private var fromClient: [UInt8] = []
    private var fromServer: [UInt8] = []
    private var isStarted = false
    private var isSwallowed = false
    private var hasServerEnded = false
    /// Names of prepared statements that write.
    private var writes: Set<[UInt8]> = []
    private var isWriting = false
    /// Of the write that is on its way.
    private var fault: CuttingProxy.Fault?

    init(client: Int32, server: Int32) {
        self.client = client
        self.server = server
    }

    /// Moves what there is. False ends the connection.
    mutating func step(_ proxy: CuttingProxy, _ number: Int) -> Bool {
        var sockets = [pollfd(fd: client, events: Int16(POLLIN), revents: 0)]
        // The client of a black-holed connection does not notice that the server has closed it.
        sockets.append(pollfd(fd: hasServerEnded ? -1 : server, events: Int16(POLLIN), revents: 0))
        let ready = poll(&sockets, 2, Self.sliceMilliseconds)
        guard !proxy.isCut(number) else { return false }
        if proxy.isSwallowed(number) { isSwallowed = true }
        guard ready > 0 else { return true }
        if sockets[0].revents != 0 {
            guard let chunk = Self.received(client) else { return false }
            fromClient += chunk
        }
        if sockets[1].revents != 0 {
            let chunk = Self.received(server)
            hasServerEnded = chunk == nil
            guard chunk != nil || isSwallowed else { return false }
            fromServer += chunk ?? []
        }
        guard !isSwallowed else {
            (fromClient, fromServer) = ([], [])
            return true
        }
        return moveRequests(proxy) && moveAnswers(proxy)
    }

    private mutating func moveRequests(_ proxy: CuttingProxy) -> Bool {
        while let message = Self.next(&fromClient, hasType: isStarted) {
            if isStarted { note(message) }
            isStarted = true
            if message.first == UInt8(ascii: "S"), isWriting {
                isWriting = false
                fault = proxy.fault()
                if fault == .cutBeforeCommit { return false }
            }
            guard Self.send(message, to: server) else { return false }
        }
        return true
    }

    private mutating func moveAnswers(_ proxy: CuttingProxy) -> Bool {
        while let message = Self.next(&fromServer, hasType: true) {
            let isReady = message.first == UInt8(ascii: "Z")
            switch fault {
            case .cutBetweenAnswerAndCommit where !isReady: break
            case nil: break
            case .swallowFromCommit:
                isSwallowed = true
                return true
            default:
                if isReady { return false }
                continue
            }
            guard Self.send(message, to: client) else { return false }
        }
        return true
    }

    /// Learns whether the message begins a write.
    private mutating func note(_ message: [UInt8]) {
        let body = message.dropFirst(5)
        switch message.first {
        case UInt8(ascii: "P"):
            let name = Array(body.prefix { $0 != 0 })
            let sql = body.dropFirst(name.count + 1).prefix { $0 != 0 }
            if String(decoding: sql, as: UTF8.self).contains(CuttingProxy.mark) {
                writes.insert(name)
            } else {
                writes.remove(name)
            }
        case UInt8(ascii: "B"):
            let statement = body.drop { $0 != 0 }.dropFirst().prefix { $0 != 0 }
            isWriting = writes.contains(Array(statement))
        default: break
        }
    }

    /// Takes one whole message out. The first of a client has a length and no type.
    private static func next(_ bytes: inout [UInt8], hasType: Bool) -> [UInt8]? {
        let typeBytes = hasType ? 1 : 0
        guard bytes.count >= typeBytes + 4 else { return nil }
        let length = bytes[typeBytes..<typeBytes + 4].reduce(0) { $0 << 8 | Int($1) }
        guard bytes.count >= typeBytes + length else { return nil }
        let message = Array(bytes.prefix(typeBytes + length))
        bytes.removeFirst(message.count)
        return message
    }

    private static func received(_ socket: Int32) -> [UInt8]? {
        let chunk = [UInt8](unsafeUninitializedCapacity: chunkBytes) { buffer, count in
            count = max(0, recv(socket, buffer.baseAddress, chunkBytes, 0))
        }
        return chunk.isEmpty ? nil : chunk
    }

    private static func send(_ bytes: [UInt8], to socket: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
