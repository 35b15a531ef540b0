/// A position in a container's output: the count of bytes of each stream before it.
package struct LogPosition: Sendable, Hashable {
    package var stdoutBytes: Int
    package var stderrBytes: Int

    package init(stdoutBytes: Int = 0, stderrBytes: Int = 0) {
        self.stdoutBytes = stdoutBytes
        self.stderrBytes = stderrBytes
    }

    package subscript(stream: LogChunk.Stream) -> Int {
        get { stream == .stdout ? stdoutBytes : stderrBytes }
        set { if stream == .stdout { stdoutBytes = newValue } else { stderrBytes = newValue } }
    }
}

/// A chunk of a container's output: bytes as written, cut anywhere; empty where it only reports a loss.
package struct LogChunk: Sendable, Equatable {
    package enum Stream: String, Sendable, CaseIterable {
        case stdout
        case stderr
    }

    /// Output missing before a chunk: it was written, but is kept no longer.
    package enum Loss: Sendable, Equatable {
        case none
        case bytes(Int)
        /// The engine does not count what its log has lost.
        case unknown
    }

    package var stream: Stream
    package var bytes: [UInt8]
    package var loss = Loss.none

    package init(_ stream: Stream, _ bytes: [UInt8], loss: Loss = .none) {
        self.stream = stream
        self.bytes = bytes
        self.loss = loss
    }
}
