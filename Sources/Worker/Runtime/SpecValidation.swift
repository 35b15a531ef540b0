import PodlingAgent
import PodlingProtocol

/// The last validation of a spec before an engine gets it: the rules of the protocol, which a worker does not rely on
/// the master for, since what it passes on runs with the engine's rights, and those that engines and the kernel add.
package enum SpecValidation {
    /// Docker's own minimum; no process fits into less anyway.
    package static let memoryBytesMin: Int64 = 6 << 20
    package static let cpuMillisMax = 1_024_000
    /// execve(2) fails beyond 128 KiB for a string and a quarter of the stack (2 MiB by default) in total.
    package static let stringBytesMax = 128 << 10
    package static let argumentBytesMax = 2 << 20

    /// Throws `.invalidSpec`, naming the field, for the first value that no engine could run.
    package static func check(_ spec: ContainerSpec) throws(RuntimeError) {
        try checkIdentity(spec)
        guard ImageReference(spec.image) != nil else { throw invalid("image", "is no image reference") }
        try checkProcess(spec)
        try checkLimits(spec)
    }

    /// Checks task id, attempt and node id: they become names, labels and file names.
    package static func checkIdentity(_ spec: ContainerSpec) throws(RuntimeError) {
        guard spec.taskId.follows(NameRules.isRunnableTaskID) else {
            throw invalid("taskId", "must be [A-Za-z0-9][A-Za-z0-9_.-]*")
        }
        guard spec.nodeId.follows(NameRules.isRunnableTaskID) else {
            throw invalid("nodeId", "must be [A-Za-z0-9][A-Za-z0-9_.-]*")
        }
        guard spec.attempt >= 1 else { throw invalid("attempt", "must be at least 1") }
    }

    /// Checks what is passed to the kernel: arguments, environment, directory.
    package static func checkProcess(_ spec: ContainerSpec) throws(RuntimeError) {
        var bytes = 0
        for (field, list) in [("command", spec.command ?? []), ("args", spec.args ?? [])] {
            for text in list {
                try checkString(text, field)
                bytes += text.utf8.count + 1
            }
        }
        guard spec.command?.first?.isEmpty != true else { throw invalid("command", "must name a program") }
        for variable in spec.env {
            guard variable.name.follows(NameRules.isEnvironmentName) else {
                throw invalid("env", "names must be [A-Za-z_][A-Za-z0-9_]*")
            }
            try checkString(variable.value, "env.\(variable.name.prefix(64))")
            bytes += variable.name.utf8.count + variable.value.utf8.count + 2
        }
        guard bytes <= argumentBytesMax else {
            throw invalid("command, args and env", "are over \(argumentBytesMax) bytes together")
        }
        if let directory = spec.workingDir {
            guard directory.hasPrefix("/") else { throw invalid("workingDir", "must be absolute") }
            guard directory.utf8.count < Limits.pathBytesMax else { throw invalid("workingDir", "is too long") }
            try checkString(directory, "workingDir")
        }
    }

    private static func checkLimits(_ spec: ContainerSpec) throws(RuntimeError) {
        for port in spec.ports {
            guard Limits.portNumbers.contains(port.container) else {
                throw invalid("ports.container", "must be 1 to 65535")
            }
            if let host = port.host, !Limits.portNumbers.contains(host) {
                throw invalid("ports.host", "must be 1 to 65535")
            }
        }
        if let cpu = spec.cpuLimitMillis, !(1...cpuMillisMax).contains(cpu) {
            throw invalid("cpuLimitMillis", "must be 1 to \(cpuMillisMax)")
        }
        if let memory = spec.memoryLimitBytes, memory < memoryBytesMin {
            throw invalid("memoryLimitBytes", "must be at least \(memoryBytesMin)")
        }
        guard (0...Limits.stopGraceSecondsMax).contains(spec.stopGraceSeconds) else {
            throw invalid("stopGraceSeconds", "must be 0 to \(Limits.stopGraceSecondsMax)")
        }
    }

    /// An engine's container id: 64 lower-case hexadecimal digits.
    package static func isContainerId(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }

    private static func checkString(_ text: String, _ field: String) throws(RuntimeError) {
        guard !text.utf8.contains(0) else { throw invalid(field, "must not contain NUL") }
        guard text.utf8.count < stringBytesMax else { throw invalid(field, "is over \(stringBytesMax) bytes") }
    }

    private static func invalid(_ field: String, _ reason: String) -> RuntimeError {
        RuntimeError(.invalidSpec, "\(field) \(reason)")
    }
}
