import Logging
import PodlingMaster
import UnixSignals

/// Reads the TLS files again on SIGHUP, and once a day says when the certificate ends.
struct CertificateKeeper {
    private static let checkSeconds = 86_400

    private let tls: ServerTLS
    /// SIGHUP ends a program that does not trap it.
    private let hangups: UnixSignalsSequence

    private init(_ tls: ServerTLS) async {
        self.tls = tls
        hangups = await UnixSignalsSequence(trapping: .sighup)
    }

    /// Runs the body beside a keeper; nil needs none.
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
