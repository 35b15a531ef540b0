/// Why and where a line is not a valid I-JSON object (RFC 8259, RFC 7493).
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: UInt8, Sendable {
        case empty, notAnObject, byteOrderMark, notUTF8
        case unexpectedEnd, unterminatedString, controlCharacter, invalidEscape, loneSurrogate
        case expectedValue, expectedName, expectedColon, expectedCommaOrEnd, trailingComma, trailingBytes
        case duplicateMember, tooDeep, invalidNumber, integerOutOfRange, numberNotFinite, tooLarge
    }

    public let kind: Kind
    /// Offset into the line, in bytes, from 0.
    public let offset: Int
    /// The member's name for `duplicateMember`, the bound for `tooDeep`; else empty.
    public let detail: String

    public init(kind: Kind, offset: Int, detail: String = "") {
        self.kind = kind
        self.offset = offset
        self.detail = detail
    }

    public var description: String { "\(explanation) at byte \(offset)" }

    private var explanation: String {
        switch kind {
        case .empty: "nothing to read"
        case .notAnObject: "not a JSON object"
        case .byteOrderMark: "byte order mark"
        case .notUTF8: "not UTF-8"
        case .unexpectedEnd: "unexpected end"
        case .unterminatedString: "unterminated string"
        case .controlCharacter: "unescaped control character"
        case .invalidEscape: "invalid escape"
        case .loneSurrogate: "lone surrogate"
        case .expectedValue: "expected a value"
        case .expectedName: "expected a member name in quotes"
        case .expectedColon: "expected ':'"
        case .expectedCommaOrEnd: "expected ',' or the closing bracket"
        case .trailingComma: "trailing comma"
        case .trailingBytes: "unexpected bytes after the object"
        case .duplicateMember: "duplicate member \"\(detail)\""
        case .tooDeep: "nested deeper than \(detail)"
        case .invalidNumber: "invalid number"
        case .integerOutOfRange: "integer beyond 2^53-1"
        case .numberNotFinite: "number too large"
        case .tooLarge: "text of 4 GiB or more"
        }
    }
}

/// The error that the scanner throws: two words, so that its hot loop reserves no space for more.
struct JSONFault: Error {
    let kind: JSONError.Kind
    let offset: Int

    init(_ kind: JSONError.Kind, at offset: Int) {
        self.kind = kind
        self.offset = offset
    }
}
