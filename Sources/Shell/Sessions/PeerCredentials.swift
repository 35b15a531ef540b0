import PodlingAccess

/// What a peer has shown by the time its session begins.
package enum PeerCredentials: Equatable {
    case none
    case known(Identity)
    /// A certificate that names no identity: a token is needed.
    case unknown
    /// A human-readable reason why its certificate admits nobody.
    case refused(String)
}
