import Logging
import PodlingAccess
import PodlingCore
import PodlingMaster
import ServiceLifecycle
import UnixSignals

/// Tells a running master what becomes of its tokens.
///
/// What cannot be read changes nothing, and is said once: what was good stays good.
actor TokenKeeper: Service {
    private static let checkInterval = Duration.seconds(2)

    private let place: TokenPlace
    private let logger: Logger
    private var server: MasterServer?
    private var table = TokenTable()
    private var stamp = ""
    private var isFailing = false

    init(place: TokenPlace, logger: Logger) {
        self.place = place
        self.logger = logger
    }

    /// The configuration with the tokens that there are.
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
                isFailing = false
                return
            }
            // Text that is wrong is not looked at again before it changes.
            if case .file = place { stamp = now }
            let fresh = try TokenTable(try await place.read())
            stamp = now
            isFailing = false
            guard fresh != table else { return }
            table = fresh
            server?.setTokens(fresh)
            logger.notice("tokens changed", metadata: ["tokens": "\(fresh.count)"])
        } catch {
            if case .database = place, isFailing { return }
            isFailing = true
            logger.error("tokens stay as they were", metadata: ["error": "\(error)"])
        }
    }
}
