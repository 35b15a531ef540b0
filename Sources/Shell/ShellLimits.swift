import PodlingCore
import PodlingProtocol

/// The limits of a shell.
package struct ShellLimits: Sendable {
    package var connectionsMax = Limits.connectionsMaxDefault
    package var deadlines = SessionDeadlines()
    /// Output buffered for one peer that does not read it, and for all of them.
    package var unreadBytesMax = Limits.unreadBytesMax
    package var unreadBytesTotalMax = Limits.unreadBytesTotalMax
    /// Input buffered for all peers.
    package var inputBytesTotalMax = Limits.inputBytesTotalMax
    /// Time limit of the shutdown.
    package var shutdownSeconds = 5
    /// Turns held until the store has made them durable.
    package var heldTurnsMax = 4_096
    /// Output held until the store has made its turn durable.
    package var heldBytesMax = 128 * 1024 * 1024

    package init() {}
}
