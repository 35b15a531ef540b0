/// The end of an attempt's output (proto-spec section 6.20).
package struct LogEndReport: Sendable, Equatable {
    /// Why the output is not available.
    package var error: String?
    /// Bytes that were written, but are kept no longer.
    package var droppedBytes = 0
    /// Whether more than those is missing.
    package var hasGap = false

    package init(error: String? = nil) { self.error = error }

    package mutating func note(_ loss: LogChunk.Loss) {
        switch loss {
        case .none: break
        case .bytes(let count): droppedBytes += count
        case .unknown: hasGap = true
        }
    }
}
