import PodlingTLS

/// An in-process way into the master: what a TCP connection is to a peer, without the socket.
public protocol MasterDoor: Sendable {
    /// Whether peers are to show who they are (proto-spec.md, section 3.2).
    var asksForIdentity: Bool { get }

    /// Opens one connection. Throws when the master takes no more of them, or is going down.
    func open(_ peer: DoorPeer) async throws -> any DoorSession
}

extension MasterDoor {
    public func open() async throws -> any DoorSession { try await open(DoorPeer()) }
}

/// For whom a connection through the door is opened.
public struct DoorPeer: Sendable {
    /// For the audit and the log: `http`, or `http HOST:PORT` of the request that opened it.
    public var name: String
    /// What the peer has shown in TLS, checked.
    public var certificate: CertificateFacts?
    /// It only asks how the master is, and is let in beyond `connectionsMax`.
    public var isProbe: Bool

    public init(name: String = "http", certificate: CertificateFacts? = nil, isProbe: Bool = false) {
        self.name = name
        self.certificate = certificate
        self.isProbe = isProbe
    }
}

/// The connection was closed before the request was taken: it may be sent again on another.
public struct DoorClosed: Error {
    /// The `error` event by which the master said why, where nobody waited for a reply then.
    public var errorLine: [UInt8]?

    public init(errorLine: [UInt8]? = nil) { self.errorLine = errorLine }
}

/// One connection through a `MasterDoor`.
///
/// It obeys proto-spec.md as a TCP connection does: it starts before `hello`, and its requests are executed
/// and answered in the order in which `request` was called. Events on it are dropped.
public protocol DoorSession: Sendable {
    /// Sends one request line, without a line ending, and gives the one reply line (`{"re":...}`), without one.
    ///
    /// Calls may overlap. Throws when the connection is closed before the reply; `DoorClosed` where it was before.
    func request(_ line: [UInt8]) async throws -> [UInt8]

    /// Closes the connection; requests that wait throw. Closing twice is fine.
    func close()
}
