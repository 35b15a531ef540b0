/// How the output of an attempt ended (proto-spec section 6.20).
package struct LogEndReport: Sendable, Equatable {
    /// Why it could not be had.
    package var error: String?
    /// Bytes that were written, and are kept no more.
    package var droppedBytes = 0
    /// More than those is missing.
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
