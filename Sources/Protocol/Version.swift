/// The version of the programs.
public enum Version {
    public static let current = "0.1.0"

    /// For `--version`. A debug build says what it is: it is many times slower, and traps where a release does not.
    public static let text = isDebug ? "\(current) (debug build)" : current

    private static var isDebug: Bool {
        #if DEBUG
        true
        #else
        false
        #endif
    }
}
