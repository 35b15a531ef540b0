import HTTPTypes
import Hummingbird
import NIOCore
import PodlingMaster
import PodlingProtocol

/// The context of a request.
struct ShimContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel
    /// A channel that has closed meanwhile has no address.
    let address: SocketAddress?

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
        address = channel.remoteAddress
    }
}

/// Answers HTTP requests by forwarding them to the master.
struct ShimResponder: HTTPResponder {
    /// How long a peer may take to read a response that was sent before its request was read to the end.
    private static let lingerSeconds: Int64 = 5

    let configuration: HTTPShimConfiguration
    let pools: DoorPools
    /// A pool of its own for probes: a reply behind a write that waits for the store would be late.
    let probes: DoorPool
    let nodes: HTTPNodeTable
    let bodies: RequestBodies
    /// Apart, for the token of a worker is checked only with what its body says.
    let workerBodies: RequestBodies
    private let asksForIdentity: Bool
    private let failures: FailureLog
    /// The pool of the caller whose request is handled.
    var pool: DoorPool
    var caller = HTTPCaller.nobody
    var peer = DoorPeer()
    /// The node whose worker the caller is, for reads.
    var node: String?

    init(door: any MasterDoor, configuration: HTTPShimConfiguration, failures: FailureLog) {
        self.configuration = configuration
        self.failures = failures
        let exchange = DoorExchange(door: door, timeoutSeconds: configuration.requestTimeoutSeconds)
        asksForIdentity = door.asksForIdentity
        pools = DoorPools(exchange: exchange, sessionsMax: configuration.doorSessionsMax)
        pool = pools.shared
        probes = DoorPool(exchange: exchange, sessionsMax: 1, peer: DoorPeer(isProbe: true))
        bodies = RequestBodies(configuration)
        workerBodies = RequestBodies(configuration)
        nodes = HTTPNodeTable(exchange: exchange, nodesMax: configuration.nodesMax)
    }

    func respond(to request: Request, context: ShimContext) async throws -> Response {
        do {
            let response = try await dispatch(request, context)
            return request.method == .head ? try await response.withoutBody() : response
        } catch let problem as HTTPProblem {
            if problem.endsConnection {
                let channel = context.channel
                channel.eventLoop.scheduleTask(in: .seconds(Self.lingerSeconds)) { channel.close(promise: nil) }
            }
            return request.method == .head ? try await problem.response.withoutBody() : problem.response
        }
    }

    private func dispatch(_ request: Request, _ context: ShimContext) async throws -> Response {
        try RequestChecks.checkHost(request, asksForIdentity ? nil : configuration.hostNames)
        try RequestChecks.checkExpect(request)
        let route = try checkedRoute(request)
        guard asksForIdentity, !route.isProbe else { return try await answer(route, request) }
        var asked = self
        let certificate = try await PeerCertificateHandler.certificate(of: context.channel)
        asked.caller = try HTTPCaller(request, certificate: certificate)
        asked.peer = DoorPeer(name: Self.name(of: context.address), certificate: certificate)
        guard asked.caller != .nobody else {
            let asked = "\(request.method.rawValue) of \(route.name)"
            failures.add("denied: \(asked) by nobody", peer: context.address)
            throw HTTPProblem.unauthenticated("this needs a token: Authorization: Bearer TOKEN")
        }
        do {
            asked.node = await asked.ownNode(route, request)
            if !route.isForWorkers, asked.node == nil {
                asked.pool = try await pools.pool(of: asked.caller, from: asked.peer)
            }
            return try await asked.answer(route, request)
        } catch let problem as HTTPProblem where problem.isUnauthenticated {
            await pools.forget(asked.caller)
            throw problem
        }
    }

    /// The node on whose connection the request is answered, where a worker reads.
    private func ownNode(_ route: Route, _ request: Request) async -> String? {
        guard request.method == .get || request.method == .head else { return nil }
        switch route {
        case .tasks:
            let said = request.uri.queryParameters["nodeId"].map { String($0) }
            if let said, await nodes.speaks(caller, for: said) { return said }
            return await nodes.nodeId(of: caller)
        case .task: return await nodes.nodeId(of: caller)
        default: return nil
        }
    }

    /// Sends a request to the master on the caller's behalf.
    func ask(_ line: [UInt8]) async throws -> DoorReply {
        guard let node else { return try await pool.request(line) }
        guard let reply = try await nodes.request(line, nodeId: node, by: caller, from: peer) else {
            throw HTTPProblem.conflict("node \(node) is no longer registered over HTTP: register it again")
        }
        return reply
    }

    private static func name(of peer: SocketAddress?) -> String {
        peer?.hostPort.map { "http \($0)" } ?? "http"
    }

    private func answer(_ route: Route, _ request: Request) async throws -> Response {
        if route == .tasks, request.method != .post { return try await listTasks(request) }
        _ = try RequestChecks.query(request)
        return try await serve(route, request)
    }

    private func checkedRoute(_ request: Request) throws -> Route {
        guard let route = Route(path: request.uri.path) else {
            throw HTTPProblem.notFound("nothing is at \(request.uri.path)")
        }
        guard route.methods.contains(request.method) else {
            throw HTTPProblem(
                status: .methodNotAllowed,
                code: "method_not_allowed",
                message: "\(request.method.rawValue) is not taken here",
                allow: route.methods
            )
        }
        try RequestChecks.checkOrigin(request)
        return route
    }

    /// A separate function: Swift 6.3's optimizer crashes where all of this is one coroutine.
    @inline(never)
    private func serve(_ route: Route, _ request: Request) async throws -> Response {
        switch route {
        case .health: return try await health()
        case .ready(let leads): return try await ready(leads: leads)
        case .tasks: return try await submit(request)
        case .task(let segment):
            let id = try Identifier.task(segment)
            return request.method == .delete ? try await cancel(id, body: nil) : try await task(id)
        case .taskCancel(let segment):
            return try await cancel(try Identifier.task(segment), body: bodies.optional(request))
        case .taskStatus(let segment):
            return try await report(try Identifier.task(segment), body: workerBodies.required(request))
        case .nodes: return try await listNodes()
        case .nodeRegister: return try await register(workerBodies.required(request))
        case .nodeHeartbeat(let id): return try await heartbeat(id, request)
        }
    }
}
