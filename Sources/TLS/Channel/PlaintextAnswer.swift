import NIOCore

/// A server's reply to a client that speaks without TLS, which tells people and programs what this port is.
package struct PlaintextAnswer: Sendable {
    let bytes: ByteBuffer
    /// Whether it is also sent to a client that is silent until the deadline: in some protocols the server speaks
    /// first.
    let isForSilence: Bool

    package init(_ bytes: ByteBuffer, isForSilence: Bool) {
        self.bytes = bytes
        self.isForSilence = isForSilence
    }

    func isFor(_ error: TLSError, firstByte: UInt8?) -> Bool {
        switch error.kind {
        case .notTLS(let byte): (0x20..<0x7F).contains(byte) || (0x09...0x0D).contains(byte)
        case .timeout: isForSilence && firstByte == nil
        default: false
        }
    }
}
