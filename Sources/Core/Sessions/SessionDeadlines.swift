import PodlingProtocol

/// The time that a peer may take, in seconds from the opening of its connection or the beginning of a line
/// (proto-spec.md, section 3).
package struct SessionDeadlines: Sendable {
    package var firstLineSeconds = Limits.firstLineSeconds
    package var partialLineSeconds = Limits.partialLineSeconds
    /// Until `hello` with a valid token, where one is required.
    package var identitySeconds = Limits.identitySeconds

    package init() {}
}
