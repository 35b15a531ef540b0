import NIOCore
import NIOHTTP1
import PodlingAgent
import PodlingProtocol

extension DockerRuntime {
    /// Reads the container's output completely: an engine's following stream may be cut off before the end, so the rest
    /// is read from the log once the container has ended. It never follows from a number of lines: output written
    /// between the two calls would be lost.
    package func logs(_ id: String, _ request: LogRequest) async throws -> LogStream {
        let flavour = try await profile().flavour
        let progress = LogProgress()
        let output = ContainerOutput(
            runtime: self,
            id: try checkedId(id),
            flavour: flavour,
            request: request,
            progress: progress
        )
        // Inspected once here, so that a missing container is reported at once.
        _ = try await inspect(id)
        return LogStream(output, progress: progress)
    }

    /// Opens the engine's log of a container, framed.
    /// - Parameter since: seconds since 1970; earlier output is left out.
    func openLog(
        _ id: String,
        _ flavour: EngineFlavour,
        follow: Bool,
        tailLines: Int? = nil,
        since: Int64? = nil
    ) async throws -> LogFrames {
        let path = "/containers/\(id)/logs"
        var query = [
            ("stdout", "true"), ("stderr", "true"), ("follow", "\(follow)"),
            ("tail", tailLines.map { "\($0)" } ?? "all"),
        ]
        if flavour.logStampBytes > 0 { query.append(("timestamps", "true")) }
        if let since { query.append(("since", "\(since)")) }
        let profile = try await profile()
        let response = try await http.open(
            .GET,
            flavour.prefix(profile.apiVersion, path: path) + path,
            query: query,
            headSeconds: Self.callSeconds
        )
        guard response.status == 200 else {
            throw failure(try await response.reply(deadlineSeconds: Self.callSeconds), "logs")
        }
        return LogFrames(body: response.body.makeAsyncIterator(), stampBytes: flavour.logStampBytes)
    }
}
