/// Whether this master leads.
package enum Leadership: Sendable, Equatable {
    case leading
    /// Another master leads; its HOST:PORT, if known.
    case standby(leader: String?)
}
