import Glibc
import NIOCore
import NIOPosix
import PodlingProtocol
internal import PodlingTLS
import Synchronization

/// A connection over TCP, or TLS over TCP, that carries lines both ways, whatever their content.
///
/// Thread-safe. Lines are sent in order, and lines sent close together share one flush.
public final class LineConnection: Sendable {
    /// Bytes queued by `send` that the peer's socket has not taken; beyond this the connection is closed.
    public static let unsentBytesMax = 8 * 1024 * 1024
    /// Time for TCP and TLS, where the caller sets no other.
    public static let connectTimeoutSecondsDefault = 5
    /// How long `close()` waits for queued lines to be sent.
    public static let closeGraceSeconds = 5
    // A peer that vanished silently is detected after 30 + 3 * 10 seconds (tcp(7)).
    private static let keepAliveIdleSeconds = 30
    private static let keepAliveIntervalSeconds = 10
    private static let keepAliveProbes = 3

    /// The address that was connected to.
    public let address: MasterAddress
    /// The lines that the peer sends; to be iterated once.
    public let inbound: LineSequence

    private let channel: any Channel
    private let outbox: LineOutbox

    private init(address: MasterAddress, inbound: LineSequence, channel: any Channel, outbox: LineOutbox) {
        self.address = address
        self.inbound = inbound
        self.channel = channel
        self.outbox = outbox
    }

    /// Connects to a master. Each address of a name is tried (RFC 8305). The TLS files are read each time, so that
    /// renewed ones take effect. A TLS 1.3 server may reject this side's certificate after this returns: the first read
    /// then fails.
    ///
    /// - Parameters:
    ///   - address: the master, with the TLS settings.
    ///   - group: the event loops to use.
    ///   - timeoutSeconds: time for TCP and TLS.
    ///   - isForToken: whether plaintext beyond loopback is rejected (proto-spec section 3.2).
    /// - Throws: `LineConnectionError`: `connectFailed`, `tls`, `plaintextToken`.
    public static func connect(
        to address: MasterAddress,
        on group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        timeoutSeconds: Int = connectTimeoutSecondsDefault,
        isForToken: Bool = false
    ) async throws -> LineConnection {
        let security = try ConnectionSecurity(address, timeoutSeconds: timeoutSeconds)
        let bootstrap = ClientBootstrap(group: group)
            .connectTimeout(.seconds(Int64(timeoutSeconds)))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(Self.tcpOption(TCP_KEEPIDLE), value: Self.keepAliveIdleSeconds)
            .channelOption(Self.tcpOption(TCP_KEEPINTVL), value: Self.keepAliveIntervalSeconds)
            .channelOption(Self.tcpOption(TCP_KEEPCNT), value: Self.keepAliveProbes)
        let connection: LineConnection
        let isOpen: EventLoopFuture<TLSHandshakeDone?>
        do {
            let host = address.hostAddress ?? address.host
            (connection, isOpen) = try await bootstrap.connect(host: host, port: address.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let isOpen = try security.begin(channel)
                    return (try LineConnection.adopt(channel, address: address), isOpen)
                }
            }
        } catch {
            throw LineConnectionError.connectFailed(address, ConnectFailure.text(error, timeoutSeconds: timeoutSeconds))
        }
        do {
            _ = try await isOpen.get()
        } catch {
            throw (error as? TLSError).map(LineConnectionError.init) ?? connection.closedReason
                ?? LineConnectionError.failed("\(error)")
        }
        guard !isForToken || connection.isPrivate else {
            connection.close()
            throw LineConnectionError.plaintextToken(address)
        }
        return connection
    }

    private var isPrivate: Bool { ConnectionSecurity.isPrivate(address, peer: channel.remoteAddress) }

    private static func tcpOption(_ name: CInt) -> ChannelOptions.Types.SocketOption {
        ChannelOptions.Types.SocketOption(level: .tcp, name: NIOBSDSocket.Option(rawValue: name))
    }

    /// Wraps a channel that is not active yet; call it on its event loop.
    static func adopt(_ channel: any Channel, address: MasterAddress) throws -> LineConnection {
        let outbox = LineOutbox(channel: channel)
        let handler = LineHandler { outbox.end($0) }
        let sequence = handler.makeSequence(on: channel.eventLoop)
        try channel.pipeline.syncOperations.addHandler(handler)
        outbox.bind(NIOLoopBound(handler, eventLoop: channel.eventLoop))
        return LineConnection(
            address: address,
            inbound: LineSequence(lines: sequence),
            channel: channel,
            outbox: outbox
        )
    }

    /// Queues one line, with an LF after it unless it has one. Does nothing after the end of the connection, and ends
    /// it where more than `unsentBytesMax` would be queued.
    public func send(_ line: [UInt8]) {
        outbox.append(line, promise: nil)
    }

    /// Queues one line and waits until the socket has taken it.
    ///
    /// - Throws: `LineConnectionError`.
    public func sendAndFlush(_ line: [UInt8]) async throws {
        let promise = channel.eventLoop.makePromise(of: Void.self)
        outbox.append(line, promise: promise)
        do {
            try await promise.futureResult.get()
        } catch {
            throw closedReason ?? LineConnectionError.failed("\(error)")
        }
    }

    /// Sends what is queued, then closes. Returns at once; `waitUntilClosed` waits for the end.
    public func close() {
        outbox.close()
    }

    /// The reason why the connection is closed; nil while it is open.
    public var closedReason: LineConnectionError? { outbox.closedReason }

    /// Waits until the socket is closed, and returns the reason.
    public func waitUntilClosed() async -> LineConnectionError {
        try? await channel.closeFuture.get()
        return closedReason ?? .closedByPeer
    }
}

/// The lines that a peer sends, each without its line ending; blank ones are skipped.
///
/// Ends when the connection is closed; throws `LineConnectionError` when it fails. Ending the iteration closes the
/// connection.
public struct LineSequence: AsyncSequence, Sendable {
    /// The bytes of one line, without LF and CR.
    public typealias Element = [UInt8]

    let lines: LineHandler.Producer

    /// The one iterator of these lines.
    public func makeAsyncIterator() -> Iterator { Iterator(base: lines.makeAsyncIterator()) }

    /// Reads the lines; when it is released, the connection closes.
    public struct Iterator: AsyncIteratorProtocol {
        var base: LineHandler.Producer.AsyncIterator

        /// Waits for the next line; nil after the last.
        ///
        /// - Throws: `LineConnectionError` where the connection failed.
        public mutating func next() async throws -> [UInt8]? { try await base.next() }
    }
}
