/// A small file that only its user may read, as a private key's.
public enum SecretFile {
    /// - Parameter setting: whose value the path is, for the error.
    /// - Throws: `TLSError` of kind `configuration`; it never shows what the file holds.
    public static func text(_ path: String, setting: String) throws(TLSError) -> String {
        try PEMFile(path, setting: setting, secrecy: .secret(isServer: false)).text
    }
}
