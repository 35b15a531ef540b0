/// The differences between engines that speak Docker's API. Facts about Podman are those of 4.3.
enum EngineFlavour: String, Sendable {
    case docker
    case podman

    init(_ version: EngineMessage.Version) {
        self = version.Components?.contains { $0.Name == "Podman Engine" } == true ? .podman : .docker
    }

    /// The newest API version supported here; an older engine is called with its own.
    static let apiVersionMax = APIVersion(major: 1, minor: 47)

    struct APIVersion: Comparable, Sendable {
        var major: Int
        var minor: Int

        init(major: Int, minor: Int) {
            self.major = major
            self.minor = minor
        }

        init?(_ text: String) {
            let parts = text.split(separator: ".", maxSplits: 1)
            guard parts.count == 2, let major = Int(parts[0]), let minor = Int(parts[1]) else { return nil }
            self.init(major: major, minor: minor)
        }

        static func < (left: Self, right: Self) -> Bool {
            (left.major, left.minor) < (right.major, right.minor)
        }
    }

    struct WaitCall: Sendable {
        var path: String
        var query: [(String, String)]
        /// Length of a wait call, after which the state is inspected and the wait repeated.
        var sliceSeconds: Double
    }

    /// The call that waits for the exit of a container that has been waited for `waitedSeconds` already.
    ///
    /// Docker notifies. Podman polls internally: through the compatible API every nanosecond, which costs a core for
    /// each container; through its own API at a given interval, which is therefore lengthened with the container's age.
    func waitCall(_ id: String, waitedSeconds: Double) -> WaitCall {
        switch self {
        case .docker:
            return WaitCall(path: "/containers/\(id)/wait", query: [("condition", "not-running")], sliceSeconds: 300)
        case .podman:
            let (interval, slice): (String, Double) =
                switch waitedSeconds {
                case ..<2: ("10ms", 2)
                case ..<20: ("50ms", 18)
                default: ("250ms", 300)
                }
            return WaitCall(
                path: "/libpod/containers/\(id)/wait",
                query: [("condition", "exited"), ("condition", "stopped"), ("interval", interval)],
                sliceSeconds: slice
            )
        }
    }

    /// The prefix of a path. Podman's own API has its own version.
    func prefix(_ version: APIVersion, path: String) -> String {
        path.hasPrefix("/libpod/") ? "/v4.0.0" : "/v\(version.major).\(version.minor)"
    }

    /// Seconds without progress after which a pull is abandoned. Podman is silent while it unpacks a layer.
    var pullIdleSeconds: Double {
        switch self {
        case .docker: 60
        case .podman: 300
        }
    }

    /// Whether the engine may fail to report that the kernel killed a container for memory.
    var mayMissOutOfMemory: Bool { self == .podman }

    /// Bounds a container's log on the node's disk. Both drivers keep bytes that are not UTF-8, which Docker's
    /// json-file does not.
    ///
    /// A full log loses its older half with Docker, all of it with Podman.
    func logging(bytesMax: Int) -> EngineMessage.CreateRequest.Logging {
        switch self {
        case .docker:
            .init(Type: "local", Config: ["max-size": "\(bytesMax / 2)", "max-file": "2", "compress": "false"])
        case .podman: .init(Type: "k8s-file", Config: ["max-size": "\(bytesMax)"])
        }
    }

    /// Length of the timestamp before each line: RFC 3339 and a space, with nine decimals or without any.
    var logStampBytes: Int {
        switch self {
        case .docker: 31
        case .podman: 21
        }
    }

    /// How many seconds before a line others may have its timestamp or an earlier one. Docker's timestamp is that of a
    /// line's beginning, so one that took long to complete is older than the lines before it.
    var logDisorderSeconds: Int64 {
        switch self {
        case .docker: 60
        case .podman: 1
        }
    }

    /// Whether a following stream is complete. Podman's loses lines and parts of lines under load: its log is polled
    /// instead.
    var followsFaithfully: Bool { self == .docker }

    /// Whether the last lines can be requested by number. Podman joins a line without an end to the one before it.
    var findsLinesFromTheEnd: Bool { self == .docker }

    /// Docker answers 409; Podman 500 with this message.
    func isNameConflict(_ reply: EngineHTTP.Reply) -> Bool {
        reply.status == 409 || (reply.status == 500 && reply.message.contains("already in use"))
    }

    /// Whether a kill or stop found the container ended: 304 or 409 from Docker, 500 from Podman.
    func isAlreadyDown(_ reply: EngineHTTP.Reply) -> Bool {
        switch reply.status {
        case 304, 404: true
        case 409: reply.message.contains("is not running")
        case 500: reply.message.contains("container state improper")
        default: false
        }
    }
}
