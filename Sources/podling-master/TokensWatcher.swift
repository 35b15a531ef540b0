import Logging
import PodlingAccess
import PodlingMaster
import ServiceLifecycle

/// Tells a running master of changes to its tokens file.
///
/// Text that cannot be read changes nothing, and is said once: what was good stays good.
struct TokensWatcher: Service {
    private static let checkInterval = Duration.seconds(2)

    let file: TokensOnDisk
    let server: MasterServer
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            // What changed since the master read it is seen in the first round.
            var stamp = file.stamp()
            var table = take(instead: nil)
            while !Task.isCancelled {
                try? await Task.sleep(for: Self.checkInterval)
                let now = file.stamp()
                guard now != stamp else { continue }
                stamp = now
                table = take(instead: table) ?? table
            }
        }
    }

    private func take(instead old: TokenTable?) -> TokenTable? {
        do {
            let table = try TokenTable(file.read())
            guard table != old else { return table }
            server.setTokens(table)
            if old != nil { logger.notice("tokens changed", metadata: ["tokens": "\(table.count)"]) }
            return table
        } catch {
            logger.error("tokens stay as they were", metadata: ["error": "\(error)"])
            return nil
        }
    }
}
