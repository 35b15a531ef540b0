import PodlingProtocol

/// One reply line of the master.
struct DoorReply: Sendable {
    let line: [UInt8]

    /// Calls `body` with the reply's `ok` and its envelope, valid within it only; throws the reply's error.
    func ok<R>(_ body: (_ ok: JSONValue, _ envelope: JSONValue) throws -> R) throws -> R {
        do {
            return try JSONReader.read(line) { envelope in
                if let err = envelope["err"] { throw HTTPProblem(err: err) }
                guard let ok = envelope["ok"], ok.isObject else { throw HTTPProblem.badReply }
                return try body(ok, envelope)
            }
        } catch is JSONError {
            throw HTTPProblem.badReply
        }
    }

    /// Throws the reply's error, if it is one.
    func check() throws {
        try ok { _, _ in }
    }

    /// The bytes of `ok`, verbatim, and a line ending.
    func okLine() throws -> [UInt8] {
        try ok { ok, _ in ok.raw + [UInt8(ascii: "\n")] }
    }
}
