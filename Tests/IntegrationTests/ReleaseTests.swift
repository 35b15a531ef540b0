import FoundationEssentials
import TestSupport
import Testing

/// Whether the programs under test are those that were meant: CI asks for what ships (`PODLING_BUILD=release`).
@Suite(.timeLimit(.minutes(6))) struct ReleaseTests {
    private static let wanted = ProcessInfo.processInfo.environment["PODLING_BUILD"]

    @Test(arguments: ["podling-master", "podling-worker", "podling-client"])
    func theProgramIsOfTheBuildThatWasAskedFor(name: String) throws {
        let program = try ProgramProcess(ProductsDirectory.program(name), ["--version"])
        #expect(program.wait(deadline: .after(seconds: 60)) == .exited(0))
        guard let wanted = Self.wanted else { return }
        let isRelease = !program.output.contains("(debug build)")
        #expect(isRelease == (wanted == "release"), "\(ProductsDirectory.path): \(program.output)")
    }

    /// Whoever installs it has no Swift.
    @Test(
        .enabled(if: wanted == "release", "PODLING_BUILD is not release"),
        arguments: ["podling-master", "podling-worker", "podling-client"]
    )
    func theProgramBringsSwiftAlong(name: String) throws {
        let program = try ProgramProcess("/usr/bin/ldd", [ProductsDirectory.program(name)])
        #expect(program.wait(deadline: .after(seconds: 60)) == .exited(0))
        #expect(program.output.contains("libcrypto"))
        #expect(!program.output.lowercased().contains("swift"), "\(program.output)")
        #expect(!program.output.contains("libFoundation"), "\(program.output)")
    }
}
