import PodlingAgent

/// Demultiplexes the output stream of a container without a terminal.
///
/// A frame is one byte for the stream (0 stdin, 1 stdout, 2 stderr, 3 the engine's own errors), three zero bytes, the
/// payload's length as a big-endian 32-bit number, and the payload (Docker Engine API, `ContainerAttach`, "Stream
/// format"). Frames may be cut anywhere between reads. Payload is passed on as it comes, so a frame's length costs no
/// memory; it is bounded all the same, since an extreme value means that this is not such a stream.
package struct LogFrameDecoder: Sendable {
    package static let headerBytes = 8
    /// Both engines write frames of 32 KiB at most; a line of a log file may come as one frame.
    package static let payloadBytesMax = 64 << 20

    package enum Failure: Error, Equatable {
        case unknownStream(UInt8)
        case paddingNotZero
        case frameTooLong(Int)
        /// The stream ended inside a frame.
        case truncated
        /// A line without a timestamp, or the engine's own message, which has none.
        case noStamp
    }

    /// Length of the timestamp at the beginning of a frame's payload, which is not output.
    let stampBytes: Int
    private var header: [UInt8] = []
    private var stamp: [UInt8] = []
    private var stream = LogChunk.Stream.stdout
    private var isStampDue = false
    private var payloadBytesLeft = 0
    /// Count of frames begun.
    private(set) var frameCount = 0

    package init(stampBytes: Int = 0) {
        self.stampBytes = stampBytes
        header.reserveCapacity(Self.headerBytes)
        stamp.reserveCapacity(stampBytes)
    }

    /// Decodes what `bytes` completes and appends it to `chunks`.
    package mutating func decode(_ bytes: some Collection<UInt8>, into chunks: inout [LogChunk]) throws(Failure) {
        try decode(bytes) { stream, _, piece, _ in chunks.append(LogChunk(stream, Array(piece))) }
    }

    /// Passes on each chunk with its stream, its frame's timestamp, and that frame's number.
    mutating func decode<Bytes: Collection<UInt8>>(
        _ bytes: Bytes,
        _ receive: (LogChunk.Stream, [UInt8], Bytes.SubSequence, Int) -> Void
    ) throws(Failure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            if isStampDue {
                let piece = rest.prefix(stampBytes - stamp.count)
                stamp.append(contentsOf: piece)
                rest = rest.dropFirst(piece.count)
                isStampDue = stamp.count < stampBytes
            } else if payloadBytesLeft > 0 {
                let piece = rest.prefix(payloadBytesLeft)
                receive(stream, stamp, piece, frameCount)
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

    /// Call it at the end of the stream.
    package func finish() throws(Failure) {
        guard header.isEmpty, payloadBytesLeft == 0, !isStampDue else { throw .truncated }
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
        guard length == 0 || stampBytes == 0 || (length >= stampBytes && header[0] != 3) else { throw .noStamp }
        frameCount += 1
        stamp.removeAll(keepingCapacity: true)
        isStampDue = length > 0 && stampBytes > 0
        payloadBytesLeft = max(0, length - stampBytes)
    }
}
