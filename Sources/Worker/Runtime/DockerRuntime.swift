import FoundationEssentials
import Logging
import NIOCore
import NIOHTTP1
import PodlingAgent
import PodlingProtocol
import Synchronization

/// Runs containers through the Docker Engine API over a unix socket: Docker Engine from 20.10, Podman from 4.3.
package final class DockerRuntime: ContainerRuntime {
    /// The engine's own description.
    struct Profile: Sendable {
        var flavour: EngineFlavour
        var version: String
        var apiVersion: EngineFlavour.APIVersion
    }

    /// Time-out in seconds for calls that only read or signal.
    static let callSeconds = 30.0
    /// Time-out in seconds for calls that create or remove file systems and networks, which take long on a loaded disk.
    static let heavyCallSeconds = 120.0

    let http: EngineHTTP
    let logger: Logger
    let pullIdleSeconds: Double?
    let logBytesMax: Int
    let pulls = SingleFlight<String>()
    private let knownProfile = Mutex<Profile?>(nil)

    /// Does not connect yet: the engine is identified at the first call.
    ///
    /// - Parameter pullIdleSeconds: seconds without progress after which a pull is abandoned; nil means 60 on Docker
    ///   and 300 on Podman, which is silent while it unpacks.
    /// - Parameter logBytesMax: size limit of a container's log on the node's disk, with what the engine adds to each
    ///   line.
    package init(
        socketPath: String,
        logger: Logger,
        pullIdleSeconds: Double? = nil,
        logBytesMax: Int = AgentLimits.logBytesDefault
    ) {
        http = EngineHTTP(socketPath: socketPath)
        self.logger = logger
        self.pullIdleSeconds = pullIdleSeconds
        self.logBytesMax = logBytesMax
    }

    package func shutdown() async {
        await http.shutdown()
    }

    package func info() async throws -> RuntimeInfo {
        let profile = try await askProfile()
        return RuntimeInfo(engine: profile.flavour.rawValue, version: profile.version)
    }

    package func create(_ spec: ContainerSpec) async throws -> String {
        try SpecValidation.check(spec)
        guard let image = ImageReference(spec.image) else {
            throw RuntimeError(.invalidSpec, "image is no image reference")
        }
        let profile = try await profile()
        let body = EngineMessage.CreateRequest(
            try await withoutEntryPoint(spec, image),
            image: image,
            logging: profile.flavour.logging(bytesMax: logBytesMax)
        )
        let name = ContainerLabels.containerName(spec.key)
        let reply: EngineHTTP.Reply
        do {
            reply = try await call(
                .POST,
                "/containers/create",
                query: [("name", name)],
                json: try EngineMessage.encoded(body),
                deadlineSeconds: Self.heavyCallSeconds
            )
        } catch let error as RuntimeError {
            // The call may have succeeded before its answer was lost.
            if let id = try? await existing(name, of: spec) { return id }
            throw error
        }
        if reply.isSuccess { return try checkedId(try reply.decode(EngineMessage.Created.self).Id) }
        if profile.flavour.isNameConflict(reply) {
            if let id = try await existing(name, of: spec) { return id }
            throw RuntimeError(.nameConflict, "the name \(name) is taken by another container: \(reply.message)")
        }
        switch reply.status {
        case 404: throw RuntimeError(.imageNotFound, reply.message)
        case 400: throw RuntimeError(.invalidSpec, reply.message)
        default: throw failure(reply, "create")
        }
    }

    /// An empty `command` clears the image's entry point. Engines differ in how that is said to them, so the first word
    /// of what is to run becomes the entry point.
    private func withoutEntryPoint(_ spec: ContainerSpec, _ image: ImageReference) async throws -> ContainerSpec {
        guard spec.command?.isEmpty == true else { return spec }
        var words = spec.args ?? []
        if words.isEmpty { words = try await command(of: image) }
        guard let program = words.first else {
            throw RuntimeError(.invalidSpec, "command is empty, and neither args nor the image say what to run")
        }
        // To engines an empty word is no entry point.
        guard !program.isEmpty else { throw RuntimeError(.invalidSpec, "args must name a program") }
        var spec = spec
        (spec.command, spec.args) = ([program], Array(words.dropFirst()))
        return spec
    }

    /// The container of that name, if its labels identify this very attempt.
    private func existing(_ name: String, of spec: ContainerSpec) async throws -> String? {
        do {
            let container = try await inspect(name)
            let labels = container.Config.Labels ?? [:]
            let isSame = ContainerLabels.of(spec).allSatisfy { labels[$0.key] == $0.value }
            return isSame ? try checkedId(container.Id) : nil
        } catch let error as RuntimeError where error.kind == .notFound {
            return nil
        }
    }

    package func start(_ id: String) async throws {
        // Both engines restart an ended container on a start call, and an attempt must run only once.
        guard try await !inspect(checkedId(id)).State.wasStarted else { return }
        let reply: EngineHTTP.Reply
        do {
            reply = try await call(.POST, "/containers/\(id)/start", deadlineSeconds: Self.heavyCallSeconds)
        } catch let error as RuntimeError {
            if let state = try? await inspect(id).State, state.wasStarted { return }
            throw error
        }
        if reply.isSuccess || reply.status == 304 { return }
        throw startFailure(reply)
    }

    private func startFailure(_ reply: EngineHTTP.Reply) -> RuntimeError {
        let message = reply.message
        if reply.status == 404, message.lowercased().contains("no such container") {
            return RuntimeError(.notFound, message)
        }
        if message.contains("address already in use") || message.contains("port is already allocated") {
            return RuntimeError(.other, "a published port is taken on this node: \(message)", retryable: true)
        }
        let cannotRun = [
            "executable file not found", "no such file or directory", "permission denied", "exec format error",
        ]
        if reply.status == 400 || cannotRun.contains(where: message.contains) {
            return RuntimeError(.invalidSpec, "the command cannot be run: \(message)")
        }
        return failure(reply, "start")
    }

    package func stop(_ id: String, graceSeconds: Int) async throws {
        let grace = min(max(0, graceSeconds), Limits.stopGraceSecondsMax)
        let reply = try await call(
            .POST,
            "/containers/\(checkedId(id))/stop",
            query: [("t", "\(grace)")],
            lane: .long,
            deadlineSeconds: Double(grace) + Self.callSeconds
        )
        let flavour = try await profile().flavour
        guard reply.isSuccess || flavour.isAlreadyDown(reply) else { throw failure(reply, "stop") }
    }

    package func kill(_ id: String) async throws {
        let reply = try await call(
            .POST,
            "/containers/\(checkedId(id))/kill",
            query: [("signal", "SIGKILL")],
            deadlineSeconds: Self.callSeconds
        )
        let flavour = try await profile().flavour
        guard reply.isSuccess || flavour.isAlreadyDown(reply) else { throw failure(reply, "kill") }
    }

    package func remove(_ id: String, force: Bool) async throws {
        let reply = try await call(
            .DELETE,
            "/containers/\(checkedId(id))",
            query: [("force", "\(force)"), ("v", "true")],
            deadlineSeconds: Self.heavyCallSeconds
        )
        let isUnderWay = reply.status == 409 && reply.message.contains("already in progress")
        guard reply.isSuccess || reply.status == 404 || isUnderWay else { throw failure(reply, "remove") }
    }

    package func list(nodeId: String) async throws -> [AdoptedContainer] {
        guard nodeId.follows(NameRules.isRunnableTaskID) else { throw RuntimeError(.invalidSpec, "nodeId is no name") }
        let filters = #"{"label":["\#(ContainerLabels.node)=\#(nodeId)"]}"#
        let reply = try await call(
            .GET,
            "/containers/json",
            query: [("all", "true"), ("filters", filters)],
            deadlineSeconds: Self.heavyCallSeconds
        )
        guard reply.isSuccess else { throw failure(reply, "list") }
        var found: [AdoptedContainer] = []
        for listed in try reply.decode([EngineMessage.Listed].self) {
            guard let key = ContainerLabels.key(listed.Labels) else {
                logger.warning("a container carries this node's label and no attempt", metadata: ["id": "\(listed.Id)"])
                continue
            }
            if listed.State == "running" {
                found.append(AdoptedContainer(id: try checkedId(listed.Id), key: key, state: .running))
            } else if let state = try await stateNow(try checkedId(listed.Id)) {
                found.append(AdoptedContainer(id: listed.Id, key: key, state: state))
            }
        }
        return found
    }

    private func stateNow(_ id: String) async throws -> AdoptedContainer.State? {
        do {
            let state = try await inspect(id).State
            if state.hasEnded { return .exited(try await exitStatus(id, state)) }
            return state.wasStarted ? .running : .created
        } catch let error as RuntimeError where error.kind == .notFound {
            return nil
        }
    }
}

extension DockerRuntime {
    /// Inspects by id, or by a name that this runtime made.
    func inspect(_ idOrName: String) async throws -> EngineMessage.Container {
        let reply = try await call(.GET, "/containers/\(idOrName)/json", deadlineSeconds: Self.callSeconds)
        guard reply.isSuccess else { throw failure(reply, "inspect") }
        return try reply.decode(EngineMessage.Container.self)
    }

    /// Makes one short call under the engine's own API version.
    func call(
        _ method: HTTPMethod,
        _ path: String,
        query: [(String, String)] = [],
        json: ByteBuffer? = nil,
        lane: EngineHTTP.Lane = .short,
        deadlineSeconds: Double
    ) async throws -> EngineHTTP.Reply {
        let profile = try await profile()
        do {
            return try await http.call(
                method,
                profile.flavour.prefix(profile.apiVersion, path: path) + path,
                query: query,
                json: json,
                lane: lane,
                deadlineSeconds: deadlineSeconds
            )
        } catch let error as RuntimeError where error.kind == .engineUnavailable {
            // Another engine may answer at this socket next time.
            knownProfile.withLock { $0 = nil }
            throw error
        }
    }

    func profile() async throws -> Profile {
        if let known = knownProfile.withLock({ $0 }) { return known }
        return try await askProfile()
    }

    private func askProfile() async throws -> Profile {
        let reply = try await http.call(.GET, "/version", deadlineSeconds: Self.callSeconds)
        guard reply.isSuccess else { throw failure(reply, "version") }
        let version = try reply.decode(EngineMessage.Version.self)
        guard let apiVersion = EngineFlavour.APIVersion(version.ApiVersion) else {
            throw RuntimeError(.other, "the engine names no API version: \(version.ApiVersion.prefix(32))")
        }
        let profile = Profile(
            flavour: EngineFlavour(version),
            version: version.Version,
            apiVersion: min(apiVersion, EngineFlavour.apiVersionMax)
        )
        knownProfile.withLock { $0 = profile }
        return profile
    }

    func checkedId(_ id: String) throws -> String {
        guard SpecValidation.isContainerId(id) else {
            throw RuntimeError(.invalidSpec, "a container id is 64 hexadecimal digits")
        }
        return id
    }

    func failure(_ reply: EngineHTTP.Reply, _ what: String) -> RuntimeError {
        if reply.status == 404 { return RuntimeError(.notFound, reply.message) }
        return RuntimeError(
            .other,
            "\(what): the engine answered \(reply.status): \(reply.message)",
            retryable: reply.status >= 500
        )
    }
}
