import FoundationEssentials

/// Where the build puts its programs: beside the test bundle, which is this very process.
public enum ProductsDirectory {
    /// The directory of the running test program, or `PODLING_PRODUCTS` where that is set.
    public static var path: String {
        if let given = ProcessInfo.processInfo.environment["PODLING_PRODUCTS"], !given.isEmpty { return given }
        let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "."
        guard let slash = program.lastIndex(of: "/") else { return "." }
        return String(program[..<slash])
    }

    /// The full path of a program of this package, such as `podling-master`.
    public static func program(_ name: String) -> String { path + "/" + name }
}
