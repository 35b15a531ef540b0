import PodlingAgent
import PodlingClient
import PodlingProtocol

/// Sends the output of one container to one reader, with back-pressure from the connection and the reader.
struct LogForwarder {
    /// Interval of keep-alive lines while a long log is read.
    private static let signSeconds = 2

    let request: LogRequestFromMaster
    let containerId: String
    let runtime: any ContainerRuntime
    let credit: LogCredit

    /// Ends with `log_end`, unless nobody reads any more.
    func run(to connection: LineConnection) async {
        var encoder = LogLineEncoder(subscription: request.subscription)
        var end = LogEndReport()
        do {
            let start = request.from.map(LogRequest.Start.from) ?? .tail(bytes: request.tailBytes)
            let wanted = LogRequest(follow: request.follows, start: start)
            let output = try await runtime.logs(containerId, wanted)
            let signs = Task { [sign = encoder.sign()] in
                while !Task.isCancelled {
                    try await Task.sleep(for: .seconds(Self.signSeconds))
                    if output.progress.isBusy { connection.send(sign.text) }
                }
            }
            defer { signs.cancel() }
            for try await chunk in output {
                end.note(chunk.loss)
                try await send(encoder.encode(chunk), to: connection)
            }
            try await send(encoder.finish(), to: connection)
        } catch is LineConnectionError {
            return
        } catch {
            end.error = (error as? RuntimeError)?.message ?? "\(error)"
        }
        guard !Task.isCancelled else { return }
        var writer = JSONWriter(capacityBytes: 128)
        WorkerRequest(id: nil, .logEnd(subscription: request.subscription, end)).write(to: &writer)
        connection.send(writer.withUnsafeBytes { [UInt8]($0) })
    }

    private func send(_ lines: [LogLineEncoder.Line], to connection: LineConnection) async throws {
        for line in lines {
            try await credit.take(line.outputBytes)
            try await connection.sendAndFlush(line.text)
        }
    }
}
