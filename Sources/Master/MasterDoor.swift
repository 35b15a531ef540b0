/// An in-process way into the master: what a TCP connection is to a peer, without the socket.
public protocol MasterDoor: Sendable {
    /// Opens one connection. Throws when the master takes no more of them, or is going down.
    func open() async throws -> any DoorSession
}

/// One connection through a `MasterDoor`.
///
/// It obeys proto-spec.md as a TCP connection does: it starts before `hello`, and its requests are executed
/// and answered in the order in which `request` was called. Events on it are dropped.
public protocol DoorSession: Sendable {
    /// Sends one request line, without a line ending, and gives the one reply line (`{"re":...}`), without one.
    ///
    /// Calls may overlap. Throws when the connection is closed before the reply.
    func request(_ line: [UInt8]) async throws -> [UInt8]

    /// Closes the connection; requests that wait throw. Closing twice is fine.
    func close()
}
