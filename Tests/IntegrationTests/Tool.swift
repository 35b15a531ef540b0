import TestSupport

/// A program of the machine, run to its end.
enum Tool {
    static func start(
        _ program: String,
        _ arguments: [String],
        environment: [String: String] = [:]
    ) throws -> ProgramProcess {
        let full = program.hasPrefix("/") ? [program] : ["/usr/bin/env", program]
        return try ProgramProcess(full[0], full.dropFirst() + arguments, environment: environment)
    }

    /// What it printed, on either stream.
    static func output(
        _ program: String,
        _ arguments: [String],
        environment: [String: String] = [:],
        endsWith expected: ProgramProcess.Ending = .exited(0)
    ) throws -> String {
        let process = try start(program, arguments, environment: environment)
        let ending = process.wait(deadline: .after(seconds: 60))
        guard ending == expected else {
            throw TestSupportError("\(program) ended with \(String(describing: ending)): \(process.output)")
        }
        return process.output
    }
}
