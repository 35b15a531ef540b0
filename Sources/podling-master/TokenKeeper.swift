import Logging
import PodlingAccess
import PodlingCore
import PodlingMaster
import ServiceLifecycle
import UnixSignals

/// Watches the tokens, and updates a running master with changes.
///
/// A failed read changes nothing, and is logged once: valid tokens stay valid.
actor TokenKeeper: Service {
    private static let checkInterval = Duration.seconds(2)

    private let place: TokenPlace
    private let logger: Logger
    private var server: MasterServer?
    private var table = TokenTable()
    private var stamp = ""
    /// The error of the last read.
    private var failure: String?

    init(place: TokenPlace, logger: Logger) {
        self.place = place
        self.logger = logger
    }

    /// The configuration with the current tokens.
    ///
    /// - Throws: `TokenError`, `PGError`.
    func applied(to configuration: MasterConfiguration) async throws -> MasterConfiguration {
        stamp = try await place.stamp()
        table = try TokenTable(try await place.read())
        if table.count == 0 { logger.warning("there are no tokens: nobody gets in; see podling-master token create") }
        var configuration = configuration
        configuration.core.tokens = table
        return configuration
    }

    func serve(_ server: MasterServer) { self.server = server }

    func run() async throws {
        let hangups = await UnixSignalsSequence(trapping: .sighup)
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { for await _ in hangups { await self.check(isForced: true) } }
                group.addTask {
                    while (try? await Task.sleep(for: Self.checkInterval)) != nil { await self.check() }
                }
            }
        }
        await place.close()
    }

    private func check(isForced: Bool = false) async {
        do {
            let now = try await place.stamp()
            guard now != stamp || isForced else {
                failure = nil
                return
            }
            let fresh = try TokenTable(try await place.read())
            // A failed read leaves the old stamp, so that the next check reads again.
            stamp = now
            failure = nil
            guard fresh != table else { return }
            table = fresh
            server?.setTokens(fresh)
            logger.notice("tokens changed", metadata: ["tokens": "\(fresh.count)"])
        } catch {
            let (before, why) = (failure, "\(error)")
            failure = why
            if case .database = place, before != nil, !isForced { return }
            guard why != before || isForced else { return }
            logger.error("tokens stay as they were", metadata: ["error": "\(why)"])
        }
    }
}
