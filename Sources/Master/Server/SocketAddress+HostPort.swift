import NIOCore
import PodlingProtocol

extension SocketAddress {
    /// nil for an address without a port, as of a Unix socket.
    package var hostPort: HostPort? {
        guard let host = ipAddress, let port else { return nil }
        return HostPort(host, port)
    }
}

extension Channel {
    /// SO_PEERNAME of socket(7), which the C module does not expose.
    private static var peerName: NIOBSDSocket.Option { NIOBSDSocket.Option(rawValue: 28) }

    /// The peer's address of an accepted connection, to be called on its event loop.
    ///
    /// Whoever logs the peer takes this when the connection is accepted: a closed one has no address. The kernel still
    /// tells that of a connection which was reset before it was accepted, though not by getpeername(2).
    package var acceptedAddress: SocketAddress? {
        if let remoteAddress { return remoteAddress }
        switch localAddress {
        case .v4: return resetAddress(SockaddrV4.self, host: 4..<8)
        case .v6: return resetAddress(SockaddrV6.self, host: 8..<24)
        case .unixDomainSocket, nil: return nil
        }
    }

    /// - Parameters:
    ///   - layout: a type of the exact length of the address, whose bytes 2 and 3 are the port.
    ///   - host: the bytes of the IP address.
    private func resetAddress<Layout: Sendable>(_ layout: Layout.Type, host: Range<Int>) -> SocketAddress? {
        guard let provider = self as? any SocketOptionProvider else { return nil }
        let read: EventLoopFuture<Layout> = provider.unsafeGetSocketOption(level: .socket, name: Self.peerName)
        var found: SocketAddress?
        read.assumeIsolated().whenSuccess { address in
            let bytes = Swift.withUnsafeBytes(of: address) { [UInt8]($0) }
            found = try? SocketAddress(
                packedIPAddress: ByteBuffer(bytes: bytes[host]),
                port: Int(bytes[2]) << 8 | Int(bytes[3])
            )
        }
        return found
    }
}

/// The layout of `sockaddr_in`.
private struct SockaddrV4: Sendable {
    private let words: (UInt32, UInt32, UInt32, UInt32)
}

/// The layout of `sockaddr_in6`.
private struct SockaddrV6: Sendable {
    private let words: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32)
}
