import Glibc

/// A NULL-terminated C array of C strings; freed with the object.
final class PGCStrings {
    private let count: Int
    private let copies: UnsafeMutablePointer<UnsafePointer<CChar>?>

    init(_ strings: [String]) {
        count = strings.count
        copies = .allocate(capacity: strings.count + 1)
        copies.initialize(repeating: nil, count: strings.count + 1)
        for (index, string) in strings.enumerated() { copies[index] = UnsafePointer(strdup(string)) }
    }

    deinit {
        for index in 0..<count { free(UnsafeMutablePointer(mutating: copies[index])) }
        copies.deallocate()
    }

    var pointers: UnsafePointer<UnsafePointer<CChar>?> { UnsafePointer(copies) }
}
