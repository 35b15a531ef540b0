import PodlingAgent

/// The last validation of a spec before an engine gets it. The master has checked all of this before; a worker does not
/// rely on that, since what it passes on runs with the engine's rights.
package enum SpecValidation {
    package static let idBytesMax = 128
    package static let ports = 1...65_535
    /// Docker's own minimum; no process fits into less anyway.
    package static let memoryBytesMin: Int64 = 6 << 20
    package static let cpuMillisMax = 1_024_000
    package static let stopGraceSecondsMax = 86_400
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
        guard isName(spec.taskId) else { throw invalid("taskId", "must be [A-Za-z0-9][A-Za-z0-9_.-]*") }
        guard isName(spec.nodeId) else { throw invalid("nodeId", "must be [A-Za-z0-9][A-Za-z0-9_.-]*") }
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
        guard spec.command?.isEmpty != true else { throw invalid("command", "must not be empty") }
        guard spec.command?.first?.isEmpty != true else { throw invalid("command", "must name a program") }
        for variable in spec.env {
            guard isEnvironmentName(variable.name) else {
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
            guard directory.utf8.count < 4_096 else { throw invalid("workingDir", "is too long") }
            try checkString(directory, "workingDir")
        }
    }

    private static func checkLimits(_ spec: ContainerSpec) throws(RuntimeError) {
        for port in spec.ports {
            guard ports.contains(port.container) else { throw invalid("ports.container", "must be 1 to 65535") }
            if let host = port.host, !ports.contains(host) { throw invalid("ports.host", "must be 1 to 65535") }
        }
        if let cpu = spec.cpuLimitMillis, !(1...cpuMillisMax).contains(cpu) {
            throw invalid("cpuLimitMillis", "must be 1 to \(cpuMillisMax)")
        }
        if let memory = spec.memoryLimitBytes, memory < memoryBytesMin {
            throw invalid("memoryLimitBytes", "must be at least \(memoryBytesMin)")
        }
        guard (0...stopGraceSecondsMax).contains(spec.stopGraceSeconds) else {
            throw invalid("stopGraceSeconds", "must be 0 to \(stopGraceSecondsMax)")
        }
    }

    /// Whether a name is safe in a container's name, a label and a path: no slash, no leading dot.
    package static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= idBytesMax else { return false }
        return isAlphanumeric(first)
            && text.utf8.allSatisfy {
                isAlphanumeric($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
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

    package static func isEnvironmentName(_ text: String) -> Bool {
        guard let first = text.utf8.first else { return false }
        return !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) && text.utf8.count <= stringBytesMax
            && text.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "_") }
    }

    private static func checkString(_ text: String, _ field: String) throws(RuntimeError) {
        guard !text.utf8.contains(0) else { throw invalid(field, "must not contain NUL") }
        guard text.utf8.count < stringBytesMax else { throw invalid(field, "is over \(stringBytesMax) bytes") }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static func invalid(_ field: String, _ reason: String) -> RuntimeError {
        RuntimeError(.invalidSpec, "\(field) \(reason)")
    }
}
