/// Whether this master is the one that decides.
public enum Leadership: Sendable, Equatable {
    case leading
    /// Another master leads; its HOST:PORT, where it is known.
    case standby(leader: String?)
}
