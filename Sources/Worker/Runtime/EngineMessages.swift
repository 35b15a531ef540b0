import FoundationEssentials
import NIOCore
import PodlingAgent

/// The subset of the engines' JSON in use (Docker Engine API 1.41; Podman's compatible API has the same shapes).
enum EngineMessage {
    struct CreateRequest: Encodable {
        struct Empty: Encodable {}

        struct Binding: Encodable {
            var HostPort: String
        }

        struct Logging: Encodable {
            var `Type`: String
            var Config: [String: String]
        }

        struct Host: Encodable {
            var NanoCpus: Int64?
            var Memory: Int64?
            var MemorySwap: Int64?
            var PortBindings: [String: [Binding]]?
            var AutoRemove = false
            var Privileged = false
            var LogConfig: Logging?
        }

        var Image: String
        var Entrypoint: [String]?
        var Cmd: [String]?
        var Env: [String]
        var WorkingDir: String?
        var Labels: [String: String]
        var ExposedPorts: [String: Empty]?
        var StopTimeout: Int
        var HostConfig: Host
    }

    struct Created: Decodable {
        var Id: String
    }

    struct Container: Decodable {
        struct State: Decodable {
            var Status: String
            var Running: Bool?
            var ExitCode: Int?
            var OOMKilled: Bool?
            var Error: String?
            var StartedAt: String?
            var FinishedAt: String?
        }

        struct Config: Decodable {
            var Labels: [String: String]?
        }

        var Id: String
        var State: State
        var Config: Config
    }

    struct Image: Decodable {
        struct Settings: Decodable {
            var Cmd: [String]?
        }

        var Config: Settings?
    }

    struct Listed: Decodable {
        var Id: String
        var State: String
        var Labels: [String: String]?
    }

    struct Version: Decodable {
        struct Component: Decodable {
            var Name: String
        }

        var Version: String
        var ApiVersion: String
        var MinAPIVersion: String?
        var Components: [Component]?
    }

    struct PullProgress: Decodable {
        var error: String?
    }

    static func encoded(_ value: some Encodable) throws -> ByteBuffer {
        ByteBuffer(bytes: try JSONEncoder().encode(value))
    }
}

extension EngineMessage.CreateRequest {
    init(_ spec: ContainerSpec, image: ImageReference, logging: EngineMessage.CreateRequest.Logging?) {
        Image = image.canonical
        Entrypoint = spec.command
        Cmd = spec.args
        Env = spec.env.map { "\($0.name)=\($0.value)" }
        WorkingDir = spec.workingDir
        Labels = ContainerLabels.of(spec)
        StopTimeout = spec.stopGraceSeconds
        HostConfig = Host()
        HostConfig.NanoCpus = spec.cpuLimitMillis.map { Int64($0) * 1_000_000 }
        HostConfig.Memory = spec.memoryLimitBytes
        // Equal means no swap: a limit that allows swapping is not one.
        HostConfig.MemorySwap = spec.memoryLimitBytes
        HostConfig.LogConfig = logging
        guard !spec.ports.isEmpty else { return }
        var exposed: [String: Empty] = [:]
        var bindings: [String: [Binding]] = [:]
        for port in spec.ports {
            let key = "\(port.container)/\(port.transport.rawValue)"
            exposed[key] = Empty()
            bindings[key, default: []].append(Binding(HostPort: port.host.map { "\($0)" } ?? ""))
        }
        ExposedPorts = exposed
        HostConfig.PortBindings = bindings
    }
}

extension EngineMessage.Container.State {
    /// Podman reports `stopped` between the exit and its own cleanup, and has two states before the start.
    var hasEnded: Bool {
        switch Status {
        case "exited", "dead", "stopped", "removing": true
        default: false
        }
    }

    var wasStarted: Bool {
        switch Status {
        case "created", "initialized", "configured": false
        default: true
        }
    }

    var exitStatus: ExitStatus {
        ExitStatus(
            exitCode: ExitCode ?? -1,
            oomKilled: OOMKilled ?? false,
            startedAtMilliseconds: StartedAt.flatMap(EngineTime.milliseconds),
            finishedAtMilliseconds: FinishedAt.flatMap(EngineTime.milliseconds),
            message: Error.flatMap { $0.isEmpty ? nil : $0 }
        )
    }
}

/// The labels by which a worker finds its containers after a restart.
enum ContainerLabels {
    static let task = "podling.task"
    static let attempt = "podling.attempt"
    static let node = "podling.node"

    static func of(_ spec: ContainerSpec) -> [String: String] {
        [task: spec.taskId, attempt: "\(spec.attempt)", node: spec.nodeId]
    }

    static func key(_ labels: [String: String]?) -> AttemptKey? {
        guard let taskId = labels?[task], let attempt = labels?[attempt].flatMap({ Int($0) }) else { return nil }
        return AttemptKey(taskId: taskId, attempt: attempt)
    }

    /// A deterministic name, which makes a second container of one attempt impossible.
    static func containerName(_ key: AttemptKey) -> String { "podling-\(key.taskId)-\(key.attempt)" }
}

/// The engines' timestamps: RFC 3339 with up to nine decimals, a zone, and year 1 for "never".
enum EngineTime {
    /// The whole seconds of a log line's timestamp.
    static func seconds(_ stamp: [UInt8]) -> Int64? {
        milliseconds(String(decoding: stamp.dropLast(), as: UTF8.self)).map { $0 / 1_000 }
    }

    static func milliseconds(_ text: String) -> Int64? {
        // The fraction is parsed separately: the parser takes three decimals only.
        guard let dot = text.firstIndex(of: ".") else { return wholeSeconds(text) }
        let fraction = text[text.index(after: dot)...].prefix(while: \.isNumber)
        let zone = text[fraction.endIndex...]
        guard let seconds = wholeSeconds(text[..<dot] + zone) else { return nil }
        let digits = (fraction + "000").prefix(3)
        return Int64(digits).map { seconds + $0 }
    }

    private static func wholeSeconds(_ text: some StringProtocol) -> Int64? {
        guard let date = try? Date.ISO8601FormatStyle().parse(String(text)), date.timeIntervalSince1970 > 0 else {
            return nil
        }
        return Int64(date.timeIntervalSince1970 * 1_000)
    }
}
