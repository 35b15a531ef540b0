/// Why and where a line is not a valid I-JSON object (RFC 8259, RFC 7493).
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong with the line.
    public enum Kind: UInt8, Sendable {
        /// There is nothing but white space.
        case empty
        /// The top-level value is not an object (proto-spec section 1).
        case notAnObject
        /// The text begins with U+FEFF (RFC 8259, section 8.1).
        case byteOrderMark
        /// The bytes are not UTF-8.
        case notUTF8
        /// The text ends within a value.
        case unexpectedEnd
        /// The text ends within a string.
        case unterminatedString
        /// A string has one of U+0000 to U+001F without an escape (RFC 8259, section 7).
        case controlCharacter
        /// A backslash begins no escape of RFC 8259, section 7.
        case invalidEscape
        /// A `\u` escape is one half of a surrogate pair without the other (RFC 7493, section 2.1).
        case loneSurrogate
        /// Something else stands where a value must be.
        case expectedValue
        /// Something else stands where a member's name must be.
        case expectedName
        /// A name has no colon after it.
        case expectedColon
        /// A value has neither a comma nor the closing bracket after it.
        case expectedCommaOrEnd
        /// A comma stands before the closing bracket.
        case trailingComma
        /// Something other than white space follows the object.
        case trailingBytes
        /// An object has two members of one name (RFC 7493, section 2.3).
        case duplicateMember
        /// More containers are open at once than the reader allows.
        case tooDeep
        /// A number breaks the grammar of RFC 8259, section 6.
        case invalidNumber
        /// A number without fraction and exponent is beyond ±(2^53-1) (RFC 7493, section 2.2).
        case integerOutOfRange
        /// A number is too large for a Double.
        case numberNotFinite
        /// The text has 4 GiB or more.
        case tooLarge
    }

    /// What is wrong.
    public let kind: Kind
    /// Offset into the line, in bytes, from 0.
    public let offset: Int
    /// The member's name for `duplicateMember`, the bound for `tooDeep`; else empty.
    public let detail: String

    /// An error at a byte of a line.
    ///
    /// - Parameters:
    ///   - kind: what is wrong.
    ///   - offset: the offset into the line, in bytes, from 0.
    ///   - detail: the name or the bound that the kind asks for.
    public init(kind: Kind, offset: Int, detail: String = "") {
        self.kind = kind
        self.offset = offset
        self.detail = detail
    }

    /// The fault and its offset, on one line.
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
