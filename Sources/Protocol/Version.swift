/// The version that all programs of this release share.
public enum Version {
    /// The version (semver.org), as `server` and `agent` name it.
    public static let current = "0.1.0"

    /// The output of `--version`. A debug build names itself as one: it is many times slower, and traps where a release
    /// does not.
    package static let text = isDebug ? "\(current) (debug build)" : current

    private static var isDebug: Bool {
        #if DEBUG
        true
        #else
        false
        #endif
    }
}
