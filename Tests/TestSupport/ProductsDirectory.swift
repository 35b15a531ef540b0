import FoundationEssentials

/// The folder of the programs under test: `PODLING_PROGRAMS`, as scripts/test.sh sets it for those of a release build,
/// or else this build's own, next to the test bundle, which is this very process.
public enum ProductsDirectory {
    /// The value of `PODLING_PROGRAMS`.
    public static let given = ProcessInfo.processInfo.environment["PODLING_PROGRAMS"].flatMap { $0.isEmpty ? nil : $0 }

    public static var path: String {
        if let given { return given }
        let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "."
        guard let slash = program.lastIndex(of: "/") else { return "." }
        return String(program[..<slash])
    }

    /// The full path of a program of this package, such as `podling-master`.
    public static func program(_ name: String) -> String { path + "/" + name }
}
