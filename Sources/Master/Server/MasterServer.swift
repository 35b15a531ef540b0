import Glibc
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import PodlingAccess
import PodlingCore
import PodlingProtocol
import PodlingShell
import PodlingStore
import PodlingTLS
import ServiceLifecycle

/// The master: a TCP server on one event loop.
package final class MasterServer: Service {
    private let configuration: MasterConfiguration
    private let store: any Store
    private let logger: Logger
    private let group: MultiThreadedEventLoopGroup
    private let shell: NIOLoopBound<MasterShell>
    private let loop: NIOLoopBound<MasterLoop>
    private let gate = DoorGate()
    private let ready: @Sendable (SocketAddress) async throws -> Void
    /// The bound socket, which does not accept before `run`: clients that connect meanwhile wait in the backlog.
    private let bound = NIOLockedValueBox<(any Channel)?>(nil)
    /// Deadline of the shutdown, once it begins.
    private let end = NIOLockedValueBox<NIODeadline?>(nil)

    /// - Parameter ready: called with the address once connections are accepted.
    package init(
        configuration: MasterConfiguration,
        store: any Store,
        logger: Logger,
        ready: @escaping @Sendable (SocketAddress) async throws -> Void = { _ in }
    ) async throws {
        self.configuration = configuration
        self.store = store
        self.logger = logger
        self.ready = ready
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let eventLoop = group.next()
        (shell, loop) = try await eventLoop.submit {
            let (shell, loop) = MasterLoop.shell(
                configuration: configuration,
                store: store,
                eventLoop: eventLoop,
                logger: logger
            )
            return (NIOLoopBound(shell, eventLoop: eventLoop), NIOLoopBound(loop, eventLoop: eventLoop))
        }.get()
    }

    /// The in-process transport.
    package var door: any MasterDoor {
        InProcessDoor(
            shell: shell,
            certificateRole: configuration.certificateRole,
            eventLoop: group.next(),
            asksForIdentity: configuration.core.isAuthenticated,
            gate: gate
        )
    }

    /// Replaces the valid tokens; sessions with others are closed.
    package func setTokens(_ tokens: TokenTable) {
        let shell = shell
        group.next().execute { shell.value.setTokens(tokens) }
    }

    /// Binds the port, then learns whether this master leads, and if so loads what the store kept. Call it once, before
    /// `run` and before the in-process transport is used.
    ///
    /// - Throws: `MasterError.cannotListen`, and what the store throws. The port is then free again.
    package func prepare() async throws {
        let channel = try await bind()
        bound.withLockedValue { $0 = channel }
        do {
            if let address = channel.localAddress { advertise(address) }
            try await learn()
        } catch {
            try? await channel.close()
            throw error
        }
    }

    private func advertise(_ address: SocketAddress) {
        store.advertise(configuration.advertisedAddress(port: address.port ?? configuration.port))
    }

    private func learn() async throws {
        for await news in store.leadership {
            try await follow(news)
            break
        }
    }

    /// Serves until the graceful shutdown, then notifies every connection, flushes output, and closes.
    ///
    /// - Throws: `MasterError`, and what the store throws.
    package func run() async throws {
        let channel: any Channel
        do {
            channel = try await self.channel()
        } catch {
            // It may lead already: closing releases the lead for another master at once.
            await store.close()
            throw error
        }
        let eventLoop = group.next()
        let (shell, loop) = (shell, loop)
        let failure = NIOLockedValueBox<(any Error)?>(nil)
        let isAskedToEnd = NIOLockedValueBox(false)
        let fail: @Sendable (any Error) -> Void = { error in
            failure.withLockedValue { $0 = $0 ?? error }
            channel.close(promise: nil)
        }
        try await eventLoop.submit {
            loop.value.storeFailed = { fail($0.isLeadLost ? MasterError.leadLost : .storeFailed($0.message)) }
            loop.value.start()
        }.get()
        logger.info(
            "listening",
            metadata: ["address": "\(channel.localAddress.map(Self.text) ?? "")", "store": "\(store.name)"]
        )
        try await channel.setOption(.autoRead, value: true).get()
        if let address = channel.localAddress { try await ready(address) }
        let following = Task {
            do {
                for await news in store.leadership { try await follow(news) }
            } catch is CancellationError {
                // The shutdown began during the take-over: the lead is released.
            } catch { fail(error) }
        }
        // Cancelled where another service of the group failed.
        try await withTaskCancellationOrGracefulShutdownHandler {
            try await channel.closeFuture.get()
        } onCancelOrGracefulShutdown: {
            isAskedToEnd.withLockedValue { $0 = true }
            channel.close(promise: nil)
        }
        logger.info("going down")
        following.cancel()
        let end = announceEnd()
        try await eventLoop.submit {
            loop.value.stopTicking()
            shell.value.shutDown()
        }.get()
        try await drained(by: end - shutdownTime(.eighth))
        try await eventLoop.submit { shell.value.end() }.get()
        await closeStore(by: end)
        gate.close()
        try await group.shutdownGracefully()
        guard let error = failure.withLockedValue({ $0 }) else { return }
        if case MasterError.leadLost = error, isAskedToEnd.withLockedValue({ $0 }) { return }
        throw error
    }

    /// The channel that `prepare` bound, or a new one.
    private func channel() async throws -> any Channel {
        if let channel = bound.withLockedValue({ $0 }) { return channel }
        let channel = try await bind()
        if let address = channel.localAddress { advertise(address) }
        return channel
    }

    private func follow(_ news: StoreLeadership) async throws {
        let shell = shell
        let eventLoop = group.next()
        switch news {
        case .standby(let leader): try await eventLoop.submit { shell.value.standBy(leader: leader) }.get()
        case .lost:
            try await eventLoop.submit { shell.value.fail(StoreError("another master leads now", isLeadLost: true)) }
                .get()
        case .leading:
            store.refills { position, done in
                eventLoop.execute { done(shell.value.held(from: position)) }
            }
            try await store.load { kept in
                try await eventLoop.submit { shell.value.restore(kept) }.get()
            }
            try await eventLoop.submit { shell.value.lead() }.get()
        }
    }

    /// Formats an address as HOST:PORT.
    private static func text(_ address: SocketAddress) -> String { address.hostPort?.description ?? "\(address)" }

    // MARK: Shutting down

    private enum Share: Int64 {
        case eighth = 1
        case quarter = 2
        case all = 8
    }

    private func shutdownTime(_ share: Share) -> TimeAmount {
        .milliseconds(Int64(configuration.limits.shutdownSeconds) * 1_000 * share.rawValue / 8)
    }

    /// Begins the shutdown and its deadline, once. Requests that wait for the store are rejected when a quarter of the
    /// time is left.
    ///
    /// - Returns: the deadline.
    @discardableResult
    package func announceEnd() -> NIODeadline {
        let new = NIODeadline.now() + shutdownTime(.all)
        let known = end.withLockedValue { end in
            defer { end = end ?? new }
            return end
        }
        if let known { return known }
        let waitingEnd = new - shutdownTime(.quarter)
        store.giveUp(inMilliseconds: Int((waitingEnd - .now()).nanoseconds / 1_000_000))
        let shell = shell
        group.next().execute {
            let left = max(0, (waitingEnd - .now()).nanoseconds / 1_000)
            shell.value.announceEnd(waitingMicroseconds: left)
        }
        return new
    }

    /// Waits until all sessions are closed.
    private func drained(by deadline: NIODeadline) async throws {
        let shell = shell
        while NIODeadline.now() < deadline {
            let count = try await group.next().scheduleTask(in: .milliseconds(20)) { shell.value.sessionCount }
                .futureResult.get()
            if count == 0 { return }
        }
    }

    /// Closes the store; what it still does at the deadline ends with the program.
    private func closeStore(by deadline: NIODeadline) async {
        let (store, logger) = (store, logger)
        let closed = group.next().makePromise(of: Void.self)
        let timeout = group.next().scheduleTask(deadline: deadline) {
            logger.warning("the store is not closed in time")
            closed.succeed()
        }
        Task {
            await store.close()
            timeout.cancel()
            closed.succeed()
        }
        try? await closed.futureResult.get()
    }

    private func bind() async throws -> any Channel {
        let (shell, loop, configuration, logger) = (shell, loop, configuration, logger)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: configuration.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.autoRead, value: false)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptPause(logger))
                }
            }
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.maxMessagesPerRead, value: 4)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 256 * 1024, high: 1024 * 1024))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try Self.addHandlers(to: channel, configuration.tls, shell.value, loop.value)
                }
            }
        do {
            return try await bootstrap.bind(host: configuration.host, port: configuration.port).get()
        } catch {
            let why = (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
            throw MasterError.cannotListen("\(configuration.host):\(configuration.port)", why)
        }
    }
}

extension MasterServer {
    private static func addHandlers(
        to channel: any Channel,
        _ tls: ServerTLS?,
        _ shell: MasterShell,
        _ loop: MasterLoop
    ) throws {
        let pipeline = channel.pipeline.syncOperations
        if let tls {
            let answer = PlaintextAnswer(PlaintextReply.bytes, isForSilence: true)
            let gate = HandshakeGate(shell)
            try pipeline.addHandler(gate)
            try pipeline.addHandler(TLSHandler(TLSEngine(server: tls.lineContext), answerToPlaintext: answer))
            try pipeline.addHandler(HandshakeHandler(loop: loop, gate: gate))
        }
        try pipeline.addHandler(SessionHandler(shell, loop, isBehindTLS: tls != nil))
    }
}

/// The reason why the master cannot serve.
package enum MasterError: Error, CustomStringConvertible {
    case cannotListen(String, String)
    case storeFailed(String)
    /// Another master has taken over; this one can be restarted.
    case leadLost

    package var description: String {
        switch self {
        case .cannotListen(let address, let why):
            "cannot listen on \(address): \(why); choose another with --listen or PODLING_LISTEN"
        case .storeFailed(let why): "the store failed: \(why)"
        case .leadLost: "another master leads now"
        }
    }
}
