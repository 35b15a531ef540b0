/// Flow control of one output stream: the sender may be a window of bytes ahead of the reader's acknowledgements.
package struct LogWindow: Sendable {
    /// nil where the master names none: there is then no bound.
    private let windowBytes: Int?
    private var sentBytes = 0
    private var takenBytes = 0

    package init(windowBytes: Int?) { self.windowBytes = windowBytes }

    /// Whether the window has capacity; a chunk larger than the window is sent when nothing else is in flight.
    package func hasRoom(_ bytes: Int) -> Bool {
        guard let windowBytes else { return true }
        let ahead = sentBytes - takenBytes
        return ahead <= 0 || bytes <= windowBytes - ahead
    }

    /// Takes capacity for this many bytes; returns whether they may be sent.
    package mutating func send(_ bytes: Int) -> Bool {
        guard hasRoom(bytes) else { return false }
        sentBytes += bytes
        return true
    }

    /// Acknowledges this many bytes since the beginning.
    package mutating func grant(upTo takenBytes: Int) { self.takenBytes = max(self.takenBytes, takenBytes) }
}
