import ArgumentParser
import PodlingClient
import PodlingProtocol

/// A failure to be told in one line, with the exit status that goes with it.
struct Failure: Error {
    let message: String
    var exitStatus = ExitStatus.failure
}

/// Turns whatever was thrown into one line that says what to do.
struct FailureReport {
    let message: String
    let exitStatus: Int32

    /// - Returns: nil for what ArgumentParser reports itself (usage, help, version).
    init?(_ error: any Error) {
        switch error {
        case let error as Failure:
            (message, exitStatus) = (error.message, error.exitStatus)
        case let error as PodlingError:
            let hint = error.isRetryable ? "; try again later" : ""
            (message, exitStatus) = ("the master refused: \(error)\(hint)", ExitStatus.failure)
        case let error as ClientError:
            (message, exitStatus) = Self.describe(error)
        case let error as LineConnectionError:
            (message, exitStatus) = ("\(error)", ExitStatus.infrastructure)
        case is BrokenPipe:
            (message, exitStatus) = ("", ExitStatus.brokenPipe)
        case is CancellationError:
            (message, exitStatus) = ("cancelled", ExitStatus.cancelled)
        case let error as JSONError:
            (message, exitStatus) = ("the master's answer is not understood: \(error)", ExitStatus.infrastructure)
        default:
            return nil
        }
    }

    private static func describe(_ error: ClientError) -> (String, Int32) {
        switch error {
        case .unreachable:
            let hint = "is podling-master running there? Name another with --master or PODLING_MASTER"
            return ("cannot reach the master: \(error) - \(hint)", ExitStatus.infrastructure)
        case .notAMaster:
            return ("\(error); check the port (--master or PODLING_MASTER)", ExitStatus.infrastructure)
        case .connectionLost, .deadlineExceeded:
            return ("lost the master: \(error)", ExitStatus.infrastructure)
        case .badSpec:
            return ("\(error)", ExitStatus.failure)
        case .unsupportedVersion, .authenticationNotSupported, .badReply:
            return ("\(error)", ExitStatus.infrastructure)
        }
    }
}
