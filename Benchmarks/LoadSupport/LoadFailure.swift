/// Why a run is worth nothing: told on standard error, and the exit code is 1.
public struct LoadFailure: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }

    /// A line that should not have come, cut to a length fit for a terminal.
    public static func unexpected(_ line: UnsafeRawPointer, _ count: Int, from peer: StaticString) -> LoadFailure {
        let shownBytesMax = 300
        let bytes = UnsafeRawBufferPointer(start: line, count: min(max(count, 0), shownBytesMax))
        return LoadFailure("unexpected from \(peer): \(String(decoding: bytes, as: UTF8.self))")
    }
}
