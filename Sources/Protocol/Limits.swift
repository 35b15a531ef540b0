/// Every bound of the protocol, each named with its unit.
public enum Limits {
    /// Containers open at once in one line; the top-level object is the first.
    public static let jsonDepthMax = 32
    /// Content bytes of one line before `hello` was accepted, without LF and the one CR.
    public static let lineBytesBeforeHelloMax = 8 * 1024
    /// Content bytes of one line after `hello` was accepted, without LF and the one CR.
    public static let lineBytesMax = 1024 * 1024
}
