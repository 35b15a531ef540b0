import Glibc
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import PodlingMaster
import ServiceLifecycle

/// The HTTP interface: translates `/api/v1` into lines of the protocol, and passes objects on as verbatim bytes.
///
/// It has no knowledge of the master beyond proto-spec.md. `openapi.yaml` describes it.
package struct HTTPShim: Service {
    /// Interval of the check for silent nodes.
    private static let nodeCheckSeconds = 1

    private let configuration: HTTPShimConfiguration
    private let logger: Logger
    private let onServerRunning: @Sendable (Int) async -> Void
    private let responder: ShimResponder

    /// - Parameter onServerRunning: called with the bound port, once connections are accepted.
    package init(
        door: any MasterDoor,
        configuration: HTTPShimConfiguration = HTTPShimConfiguration(),
        logger: Logger,
        onServerRunning: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        self.configuration = configuration
        self.logger = logger
        self.onServerRunning = onServerRunning
        responder = ShimResponder(door: door, configuration: configuration, failures: FailureLog(logger))
    }

    /// Serves until graceful shutdown, then completes the requests in progress. Throws where it cannot listen.
    package func run() async throws {
        do {
            try await application.run()
        } catch {
            await close()
            guard let error = error as? IOError else { throw error }
            let why = String(cString: strerror(error.errnoCode))
            throw HTTPShimError.cannotListen("\(configuration.host):\(configuration.port)", why)
        }
        await close()
    }

    private func close() async {
        await responder.pools.close()
        await responder.probes.close()
        await responder.nodes.close()
    }

    var application: some ApplicationProtocol {
        let configuration = self.configuration
        let onServerRunning = self.onServerRunning
        let connections = HTTPConnections(requestsMax: configuration.requestsMax)
        var decoder = HTTP1Channel.Configuration.DecoderConfiguration()
        decoder.maxHeaderListSize = configuration.headerBytesMax
        decoder.maxHeaderFieldSize = configuration.headerBytesMax
        let channel = HTTP1Channel.Configuration(
            additionalChannelHandlers: Self.connectionHandlers(configuration, connections),
            idleTimeout: .seconds(Int64(configuration.idleTimeoutSeconds)),
            httpDecoderConfiguration: decoder
        )
        return Application(
            responder: responder,
            server: configuration.tls.map { .https($0, channel, logger) } ?? .http1(configuration: channel),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port),
                serverName: "podling-http",
                availableConnectionsDelegate: .maximum(configuration.connectionsMax, logger: logger)
            ),
            services: [NodeExpiry(nodes: responder.nodes, intervalSeconds: Self.nodeCheckSeconds)],
            onServerRunning: { [logger] channel in
                try? await channel.eventLoop.submit {
                    // First in the pipeline: an error of accept that reaches another handler would end the server.
                    try channel.pipeline.syncOperations.addHandler(AcceptPause(logger), position: .first)
                }.get()
                await onServerRunning(channel.localAddress?.port ?? configuration.port)
            },
            logger: logger
        )
    }

    private static func connectionHandlers(
        _ configuration: HTTPShimConfiguration,
        _ connections: HTTPConnections
    ) -> [any RemovableChannelHandler] {
        [
            HTTPConnectionHandler(connections),
            IdleStateHandler(allTimeout: .seconds(Int64(configuration.stallTimeoutSeconds))),
            StalledConnectionHandler(),
        ]
    }
}

/// The reason why HTTP cannot be served.
package enum HTTPShimError: Error, CustomStringConvertible {
    case cannotListen(String, String)

    package var description: String {
        switch self {
        case .cannotListen(let address, let why):
            "cannot serve HTTP on \(address): \(why); choose another with --http-listen or PODLING_HTTP_LISTEN"
        }
    }
}

/// Expires silent nodes until graceful shutdown.
private struct NodeExpiry: Service {
    let nodes: HTTPNodeTable
    let intervalSeconds: Int

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                try await Task.sleep(for: .seconds(intervalSeconds))
                await nodes.expire(now: .now)
            }
        }
    }
}
