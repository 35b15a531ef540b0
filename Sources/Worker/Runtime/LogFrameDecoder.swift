/// Takes the multiplexed output stream of a container without a terminal apart.
///
/// A frame is one byte for the stream (0 stdin, 1 stdout, 2 stderr, 3 the engine's own errors), three zero bytes, the
/// payload's length as a big-endian 32-bit number, and the payload (Docker Engine API, `ContainerAttach`, "Stream
/// format"). Frames may be cut anywhere between reads. Payload is passed on as it comes, so a frame's length costs no
/// memory; it is bounded all the same, because a wild one means that this is no such stream.
public struct LogFrameDecoder: Sendable {
    public static let headerBytes = 8
    /// Both engines write frames of 32 KiB at most; a line of a log file may come as one frame.
    public static let payloadBytesMax = 64 << 20

    public enum Failure: Error, Equatable {
        case unknownStream(UInt8)
        case paddingNotZero
        case frameTooLong(Int)
        /// The stream ended inside a frame.
        case truncated
    }

    private var header: [UInt8] = []
    private var stream = LogChunk.Stream.stdout
    private var payloadBytesLeft = 0

    public init() {
        header.reserveCapacity(Self.headerBytes)
    }

    /// Decodes what `bytes` completes and appends it to `chunks`.
    public mutating func decode(_ bytes: some Collection<UInt8>, into chunks: inout [LogChunk]) throws(Failure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            if payloadBytesLeft > 0 {
                let piece = rest.prefix(payloadBytesLeft)
                chunks.append(LogChunk(stream, Array(piece)))
                payloadBytesLeft -= piece.count
                rest = rest.dropFirst(piece.count)
            } else {
                let piece = rest.prefix(Self.headerBytes - header.count)
                header.append(contentsOf: piece)
                rest = rest.dropFirst(piece.count)
                if header.count == Self.headerBytes { try open() }
            }
        }
    }

    /// To be called at the end of the stream.
    public func finish() throws(Failure) {
        guard header.isEmpty, payloadBytesLeft == 0 else { throw .truncated }
    }

    private mutating func open() throws(Failure) {
        defer { header.removeAll(keepingCapacity: true) }
        switch header[0] {
        case 0, 1: stream = .stdout
        case 2, 3: stream = .stderr
        default: throw .unknownStream(header[0])
        }
        guard header[1] == 0, header[2] == 0, header[3] == 0 else { throw .paddingNotZero }
        let length = header[4...].reduce(0) { $0 << 8 | Int($1) }
        guard length <= Self.payloadBytesMax else { throw .frameTooLong(length) }
        payloadBytesLeft = length
    }
}
