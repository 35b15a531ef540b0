import NIOCore

extension TLSEngine {
    /// `receive` for a `ByteBuffer`.
    package mutating func receive(_ bytes: ByteBuffer, plaintext: inout ByteBuffer) throws(TLSError) {
        let result = bytes.withUnsafeReadableBytes { pointer in
            Result { () throws(TLSError) in try receive(pointer, plaintext: &plaintext) }
        }
        try result.get()
    }

    /// `write` for a `ByteBuffer`.
    package mutating func write(_ bytes: ByteBuffer) throws(TLSError) {
        let result = bytes.withUnsafeReadableBytes { pointer in
            Result { () throws(TLSError) in try write(pointer) }
        }
        try result.get()
    }
}
