import Glibc
import NIOCore
import NIOPosix

/// A short human-readable reason for a failed connection attempt.
enum ConnectFailure {
    static func text(_ error: any Error, timeoutSeconds: Int) -> String {
        switch error {
        case let error as NIOConnectionError:
            guard let first = error.connectionErrors.first else { return "the host name is not known" }
            return text(first.error, timeoutSeconds: timeoutSeconds)
        case let error as IOError:
            return error.errnoCode == ECONNREFUSED ? "connection refused" : error.localizedReason
        case ChannelError.connectTimeout:
            return "no answer within \(timeoutSeconds) s"
        default:
            return "\(error)"
        }
    }
}

extension IOError {
    fileprivate var localizedReason: String { String(cString: strerror(errnoCode)) }
}
