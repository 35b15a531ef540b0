import Logging
import PodlingMaster
import UnixSignals

/// Reloads the TLS files on SIGHUP, and logs the certificate's expiry once a day.
struct CertificateKeeper {
    private static let checkSeconds = 86_400

    private let tls: ServerTLS
    /// SIGHUP would end a program that does not trap it.
    private let hangups: UnixSignalsSequence

    private init(_ tls: ServerTLS) async {
        self.tls = tls
        hangups = await UnixSignalsSequence(trapping: .sighup)
    }

    /// Runs the body concurrently with a keeper; nil needs none.
    static func keeping(_ tls: ServerTLS?, _ body: () async throws -> Void) async throws {
        guard let tls else { return try await body() }
        let keeper = await CertificateKeeper(tls)
        let keeping = Task { await keeper.run() }
        defer { keeping.cancel() }
        try await body()
    }

    private func run() async {
        await withTaskGroup { group in
            group.addTask { for await _ in hangups { tls.reload() } }
            group.addTask {
                while (try? await Task.sleep(for: .seconds(Self.checkSeconds))) != nil { tls.checkDates() }
            }
        }
    }
}
