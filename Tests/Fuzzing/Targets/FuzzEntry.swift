import Glibc

/// What libFuzzer calls for each input (its `fuzzer_interface` header). `PODLING_FUZZ_TARGET` names the target.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    FuzzTarget.current.run(UnsafeRawBufferPointer(start: bytes, count: count))
    return 0
}

/// The parts of Podling that read what another program wrote. A target fails by a trap, or by `require`.
enum FuzzTarget: String, CaseIterable {
    case reader
    case lines
    case hello
    case spec
    case imports
    case session
    case orders
    case tokens
    case frames

    static let current: FuzzTarget = {
        let name = getenv("PODLING_FUZZ_TARGET").map { String(cString: $0) } ?? ""
        if let target = FuzzTarget(rawValue: name) { return target }
        complain("PODLING_FUZZ_TARGET is one of \(allCases.map(\.rawValue).joined(separator: " "))")
        exit(2)
    }()

    func run(_ bytes: UnsafeRawBufferPointer) {
        switch self {
        case .reader: ReaderFuzz.run(bytes)
        case .lines: LineFuzz.run(bytes)
        case .hello: CoreFuzz.runHello(bytes)
        case .spec: CoreFuzz.runSpec(bytes)
        case .imports: CoreFuzz.runImport(bytes)
        case .session: CoreFuzz.runSession(bytes)
        case .orders: OrdersFuzz.run(bytes)
        case .tokens: TokensFuzz.run(bytes)
        case .frames: FramesFuzz.run(bytes)
        }
    }
}

/// Ends the run where something that must hold does not: libFuzzer keeps the input.
func require(_ condition: Bool, _ message: @autoclosure () -> String) {
    guard !condition else { return }
    complain(message())
    abort()
}

private func complain(_ message: String) {
    let bytes = Array("\(message)\n".utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
}
