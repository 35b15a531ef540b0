import PodlingProtocol

/// One reply line of the master.
struct DoorReply: Sendable {
    let line: [UInt8]

    /// Gives `body` the reply's `ok` and the envelope round it, valid within it only; throws what the reply refuses.
    func ok<R>(_ body: (_ ok: JSONValue, _ envelope: JSONValue) throws -> R) throws -> R {
        do {
            return try readingJSON(line) { envelope in
                if let err = envelope["err"] { throw HTTPProblem(err: err) }
                guard let ok = envelope["ok"], ok.isObject else { throw HTTPProblem.badReply }
                return try body(ok, envelope)
            }
        } catch is JSONError {
            throw HTTPProblem.badReply
        }
    }

    /// Throws what the reply refuses.
    func check() throws {
        try ok { _, _ in }
    }

    /// The bytes of `ok` as they came, and a line ending.
    func okLine() throws -> [UInt8] {
        try ok { ok, _ in ok.raw + [UInt8(ascii: "\n")] }
    }
}
