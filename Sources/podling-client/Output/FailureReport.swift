import ArgumentParser
import PodlingClient
import PodlingProtocol

/// A failure as one line, with its exit status.
struct Failure: Error {
    let message: String
    var exitStatus = ExitStatus.failure
}

/// Converts any error into one line with a remedy.
struct FailureReport {
    let message: String
    /// The remedy; may be empty.
    let hint: String
    let exitStatus: Int32

    var line: String { hint.isEmpty ? message : "\(message); \(hint)" }

    /// - Returns: nil for what ArgumentParser reports itself (usage, help, version).
    init?(_ error: any Error) {
        switch error {
        case let error as Failure:
            self.init(error.message, error.exitStatus)
        case let error as PodlingError:
            self.init(error)
        case let error as ClientError:
            self.init(error)
        case let error as LineConnectionError:
            self.init("\(error)", ExitStatus.infrastructure)
        case let error as AccessTokenError:
            self.init("\(error)", ExitStatus.infrastructure)
        case is BrokenPipe:
            self.init("", ExitStatus.brokenPipe)
        case is CancellationError:
            self.init("cancelled", ExitStatus.cancelled)
        case let error as JSONError:
            self.init("the master's answer is not understood: \(error)", ExitStatus.infrastructure)
        default:
            return nil
        }
    }

    private init(_ message: String, _ exitStatus: Int32, hint: String = "") {
        self.message = message
        self.hint = hint
        self.exitStatus = exitStatus
    }

    private init(_ error: PodlingError) {
        let message = "the master refused: \(error)"
        switch ErrorCode(rawValue: error.code) {
        case .tlsRequired:
            let hint = "use podlings:// for it (--master or PODLING_MASTER)"
            self.init(message, ExitStatus.infrastructure, hint: hint)
        case .unauthenticated:
            let hint = "give --token-file or PODLING_TOKEN, or a certificate (--sslcert and --sslkey)"
            self.init(message, ExitStatus.failure, hint: hint)
        default:
            self.init(message, ExitStatus.failure, hint: error.isRetryable ? "try again later" : "")
        }
    }

    private init(_ error: ClientError) {
        switch error {
        case .unreachable, .noLeader:
            let hint = "is podling-master running there? Name another with --master or PODLING_MASTER"
            self.init("cannot reach the master: \(error)", ExitStatus.infrastructure, hint: hint)
        case .refused:
            self.init("cannot reach the master: \(error)", ExitStatus.infrastructure)
        case .notAMaster:
            self.init("\(error)", ExitStatus.infrastructure, hint: "check the port (--master or PODLING_MASTER)")
        case .connectionLost, .deadlineExceeded:
            self.init("lost the master: \(error)", ExitStatus.infrastructure)
        case .badSpec:
            self.init("\(error)", ExitStatus.failure)
        case .unsupportedVersion, .badReply:
            self.init("\(error)", ExitStatus.infrastructure)
        }
    }
}
