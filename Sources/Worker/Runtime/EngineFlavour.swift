/// Where the engines that speak Docker's API differ. Facts about Podman are those of 4.3.
enum EngineFlavour: String, Sendable {
    case docker
    case podman

    init(_ version: EngineMessage.Version) {
        self = version.Components?.contains { $0.Name == "Podman Engine" } == true ? .podman : .docker
    }

    /// The newest API version whose shapes are known here; an older engine is asked in its own.
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
        /// After this the state is looked at and the wait called again.
        var sliceSeconds: Double
    }

    /// How to wait for the exit of a container that has been waited for `waitedSeconds` already.
    ///
    /// Docker pushes. Podman polls inside: through the compatible API every nanosecond, which costs a core for each
    /// container; through its own at the interval it is told, which is therefore stretched as the container gets older.
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

    /// The prefix of a path. Podman's own calls have their own versions.
    func prefix(_ version: APIVersion, path: String) -> String {
        path.hasPrefix("/libpod/") ? "/v4.0.0" : "/v\(version.major).\(version.minor)"
    }

    /// Seconds without a sign of progress after which a pull is given up. Podman says nothing while it unpacks a layer.
    var pullIdleSeconds: Double {
        switch self {
        case .docker: 60
        case .podman: 300
        }
    }

    /// The engine may say of a container that the kernel ended for memory that it was not so.
    var mayMissOutOfMemory: Bool { self == .podman }

    /// Bounds a container's log on the node's disk. Both keep bytes that are no UTF-8, which Docker's json-file does not.
    ///
    /// A log that is full loses its older half with Docker, all with Podman.
    func logging(bytesMax: Int) -> EngineMessage.CreateRequest.Logging {
        switch self {
        case .docker:
            .init(Type: "local", Config: ["max-size": "\(bytesMax / 2)", "max-file": "2", "compress": "false"])
        case .podman: .init(Type: "k8s-file", Config: ["max-size": "\(bytesMax)"])
        }
    }

    /// Bytes before each line where times are asked for: RFC 3339 and a space, with nine decimals or without any.
    var logStampBytes: Int {
        switch self {
        case .docker: 31
        case .podman: 21
        }
    }

    /// Seconds before a line in which there may be others with its time or an earlier one. With Docker the time of a line is
    /// that of its beginning, so one that was long in coming is older than those before it.
    var logDisorderSeconds: Int64 {
        switch self {
        case .docker: 60
        case .podman: 1
        }
    }

    /// Podman's following stream loses lines and parts of lines where much is written: its log is read again and again instead.
    var followsFaithfully: Bool { self == .docker }

    /// Podman reads a number of lines from the end wrongly: it joins what has no line's end to what came before it.
    var findsLinesFromTheEnd: Bool { self == .docker }

    /// Docker answers 409; Podman 500 with these words.
    func isNameConflict(_ reply: EngineHTTP.Reply) -> Bool {
        reply.status == 409 || (reply.status == 500 && reply.message.contains("already in use"))
    }

    /// A kill or stop of what is down: 304 or 409 from Docker, 500 from Podman.
    func isAlreadyDown(_ reply: EngineHTTP.Reply) -> Bool {
        switch reply.status {
        case 304, 404: true
        case 409: reply.message.contains("is not running")
        case 500: reply.message.contains("container state improper")
        default: false
        }
    }
}
