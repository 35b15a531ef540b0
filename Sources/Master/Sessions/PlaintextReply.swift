import NIOCore
import PodlingProtocol

/// The reply to a peer that speaks plain text on a port with TLS.
enum PlaintextReply {
    static let bytes: ByteBuffer = {
        let error = WireError(.tlsRequired, "this port speaks TLS: connect by podlings://", isFatal: true)
        var writer = JSONWriter(capacityBytes: 256)
        error.writeEvent(to: &writer)
        writer.newline()
        return writer.withUnsafeBytes { ByteBuffer(bytes: $0) }
    }()
}
