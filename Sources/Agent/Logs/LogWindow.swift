/// How much more output a reader takes: it is sent a window of bytes ahead of what the master says has been taken.
package struct LogWindow: Sendable {
    /// nil where the master names none: there is no bound then.
    private let windowBytes: Int?
    private var sentBytes = 0
    private var takenBytes = 0

    package init(windowBytes: Int?) { self.windowBytes = windowBytes }

    /// What is larger than the window goes when nothing else is under way.
    package func hasRoom(_ bytes: Int) -> Bool {
        guard let windowBytes else { return true }
        let ahead = sentBytes - takenBytes
        return ahead <= 0 || bytes <= windowBytes - ahead
    }

    /// Whether so many bytes may be sent; if so, they count as sent.
    package mutating func send(_ bytes: Int) -> Bool {
        guard hasRoom(bytes) else { return false }
        sentBytes += bytes
        return true
    }

    /// The reader has taken so many bytes since the beginning.
    package mutating func grant(upTo takenBytes: Int) { self.takenBytes = max(self.takenBytes, takenBytes) }
}
