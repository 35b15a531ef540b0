import PodlingProtocol

/// A validated `log` line of a worker: one of `text` and `b64`, with a bounded amount of output.
struct LogLine {
    let stream: Int
    let isStderr: Bool
    let isBase64: Bool
    /// The JSON string as it was received.
    let raw: UnsafeRawBufferPointer
    let outputBytes: Int

    init(_ root: JSONValue) throws(WireError) {
        stream = try root.required("sub").integer("sub", in: 0...Limits.integerMax)
        let pipe = try root.required("stream")
        isStderr = pipe.stringEquals("stderr")
        guard isStderr || pipe.stringEquals("stdout") else { throw .field("stream", "must be stdout or stderr") }
        let (text, base64) = (root.optional("text"), root.optional("b64"))
        guard (text == nil) != (base64 == nil), let output = text ?? base64 else {
            throw .field("text", "one of text and b64 must be there, and not both")
        }
        let isBase64 = text == nil
        self.isBase64 = isBase64
        raw = output.raw
        let name = isBase64 ? "b64" : "text"
        guard output.isString else { throw .field(name, "must be a string") }
        let count = output.withUTF8 { isBase64 ? Base64Text.decodedByteCount($0) : $0.count }
        guard let count else { throw .field(name, "must be base64 (RFC 4648, section 4) with its padding") }
        guard count <= Limits.logChunkBytesMax else {
            throw .field(name, "must be at most \(Limits.logChunkBytesMax) bytes of output")
        }
        outputBytes = count
    }
}

/// The members of `log_end` (proto-spec.md, section 6.20).
struct LogEndReport {
    let stream: Int
    let droppedBytes: Int
    let hasGap: Bool
    let error: String?

    init(_ root: JSONValue) throws(WireError) {
        stream = try root.required("sub").integer("sub", in: 0...Limits.integerMax)
        droppedBytes = try root.optional("dropped")?.integer("dropped", in: 0...Limits.logPositionMax) ?? 0
        hasGap = try root.optional("gap")?.flag("gap") ?? false
        error = root.optional("error")?.text(cutTo: Limits.errorBytesMax)
    }
}
