import PodlingTLS

/// An in-process transport to the master: the equivalent of a TCP connection, without the socket.
package protocol MasterDoor: Sendable {
    /// Whether peers must authenticate (proto-spec.md, section 3.2).
    var asksForIdentity: Bool { get }

    /// Opens one connection. Throws where the master takes no more of them, or is shutting down.
    func open(_ peer: DoorPeer) async throws -> any DoorSession
}

extension MasterDoor {
    package func open() async throws -> any DoorSession { try await open(DoorPeer()) }
}

/// The peer for which an in-process connection is opened.
package struct DoorPeer: Sendable {
    /// The name for the audit and the log: `http`, or `http HOST:PORT` of the request that opened it.
    package var name: String
    /// The verified client certificate that the peer has shown in TLS.
    package var certificate: CertificateFacts?
    /// Whether it is a health probe, which is admitted beyond `connectionsMax`.
    package var isProbe: Bool

    package init(name: String = "http", certificate: CertificateFacts? = nil, isProbe: Bool = false) {
        self.name = name
        self.certificate = certificate
        self.isProbe = isProbe
    }
}

/// The connection was closed before the request was processed: a retry on another connection is safe.
package struct DoorClosed: Error {
    /// The `error` event with the master's reason, where no request waited for a reply then.
    package var errorLine: [UInt8]?

    package init(errorLine: [UInt8]? = nil) { self.errorLine = errorLine }
}

/// One connection through a `MasterDoor`.
///
/// It obeys proto-spec.md as a TCP connection does: it starts before `hello`, and its requests are executed
/// and answered in the order in which `request` was called. Events on it are dropped.
package protocol DoorSession: Sendable {
    /// Sends one request line, without a line ending, and returns the one reply line (`{"re":...}`), without one.
    ///
    /// Calls may overlap. Throws where the connection is closed before the reply; `DoorClosed` where it was closed
    /// before the request.
    func request(_ line: [UInt8]) async throws -> [UInt8]

    /// Closes the connection; pending requests throw. Idempotent.
    func close()
}
