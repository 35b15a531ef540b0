import PodlingProtocol

/// A request's body: one I-JSON object, with line breaks removed so that its parts can be embedded in a protocol line.
struct JSONBody: Sendable {
    let bytes: [UInt8]
    /// What the bytes take of the memory for bodies, until the last copy of this value goes.
    private let share: RequestBodies.Share?

    /// - Parameter bytes: pretty-printed or not.
    init(_ bytes: [UInt8], _ share: RequestBodies.Share? = nil) throws(HTTPProblem) {
        self.share = share
        do {
            try JSONReader.read(bytes) { _ in }
        } catch let error as JSONError {
            throw .badJSON(error)
        } catch {
            throw .badRequest("the body could not be read")
        }
        // In a valid text, LF and CR occur between tokens only: strings hold them escaped.
        let space = UInt8(ascii: " ")
        self.bytes = bytes.map { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") ? space : $0 }
    }

    func read<R>(_ body: (JSONValue) throws -> R) throws -> R {
        try JSONReader.read(bytes, body)
    }
}
