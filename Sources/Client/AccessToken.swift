internal import PodlingTLS

/// A secret by which a peer authenticates to a master. No description shows it.
public struct AccessToken: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable
{
    package static let bytesMax = 512
    static let variable = "PODLING_TOKEN"
    static let fileVariable = "PODLING_TOKEN_FILE"

    /// The secret itself, to be written into `hello`, and nowhere else.
    public let secret: String

    /// Checks that a text can be a token: one word of 1 to 512 visible ASCII characters.
    ///
    /// - Parameters:
    ///   - text: the secret; surrounding white space is dropped.
    ///   - setting: where the text comes from, such as a variable's name, for the error.
    /// - Throws: `AccessTokenError`, which does not show the text.
    public init(_ text: String, setting: String) throws(AccessTokenError) {
        let bytes = text.utf8.drop(while: Self.isBlank)
        let secret = Substring(bytes.prefix(bytes.count - bytes.reversed().prefix(while: Self.isBlank).count))
        guard !secret.isEmpty else { throw AccessTokenError("\(setting): there is no token in it") }
        guard secret.utf8.count <= Self.bytesMax, secret.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw AccessTokenError(
                "\(setting): this is no token: one is a single word of at most \(Self.bytesMax) letters, digits and signs"
            )
        }
        self.secret = String(secret)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

    /// The token of `file`, else of `PODLING_TOKEN`, else of the file that `PODLING_TOKEN_FILE` names.
    ///
    /// - Parameters:
    ///   - file: the path of a file that holds the token and that nobody but its owner may read.
    ///   - environment: returns the value of a variable.
    /// - Returns: nil where none of the three is set.
    /// - Throws: `AccessTokenError` where both variables are set, or the file cannot be read or holds no token.
    public static func find(
        file: String?,
        environment: (String) -> String?
    ) throws(AccessTokenError) -> AccessToken? {
        if let file { return try read(file, setting: "--token-file") }
        let text = environment(variable).flatMap { $0.isEmpty ? nil : $0 }
        let path = environment(fileVariable).flatMap { $0.isEmpty ? nil : $0 }
        guard text == nil || path == nil else {
            throw AccessTokenError("\(variable) and \(fileVariable) are both set: unset one")
        }
        if let text { return try AccessToken(text, setting: variable) }
        return try path.map { path throws(AccessTokenError) in try read(path, setting: fileVariable) }
    }

    private static func read(_ path: String, setting: String) throws(AccessTokenError) -> AccessToken {
        let text: String
        do throws(TLSError) {
            text = try SecretFile.text(path, setting: setting)
        } catch {
            throw AccessTokenError(error.description)
        }
        return try AccessToken(text, setting: "\(setting): \(path)")
    }

    /// Always `(secret)`.
    public var description: String { "(secret)" }
    /// Always `(secret)`.
    public var debugDescription: String { description }
    /// A mirror without children, so that `dump` shows no secret.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// The reason why a token cannot be read; never shows one.
public struct AccessTokenError: Error, Hashable, CustomStringConvertible {
    /// What is wrong, with the setting at fault.
    public let description: String

    init(_ description: String) { self.description = description }
}
