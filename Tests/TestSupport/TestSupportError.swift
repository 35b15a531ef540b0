import Glibc

/// What went wrong with a program or a connection of a test, in words.
public struct TestSupportError: Error, CustomStringConvertible, Sendable {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }

    /// The message of a failed system call.
    static func system(_ call: String, _ code: Int32 = errno) -> TestSupportError {
        TestSupportError("\(call): \(String(cString: strerror(code)))")
    }
}
