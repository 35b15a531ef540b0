/// Reads a small secret file, which only its user may read, as a private key's.
package enum SecretFile {
    /// - Parameter setting: the name of the setting that gave the path, for the error.
    /// - Throws: `TLSError` of kind `configuration`; it never quotes the file's content.
    package static func text(_ path: String, setting: String) throws(TLSError) -> String {
        try PEMFile(path, setting: setting, secrecy: .secret(isServer: false)).text
    }
}
