import PodlingClient
import PodlingProtocol

/// Sends the output of one container to one reader, no faster than the connection takes it.
struct LogForwarder {
    let request: LogRequestFromMaster
    let containerId: String
    let runtime: any ContainerRuntime

    /// Ends with `log_end`, unless nobody listens any more.
    func run(to connection: LineConnection) async {
        var encoder = LogLineEncoder(subscription: request.subscription)
        var failure: String?
        do {
            if request.follows {
                let from = LogRequest(follow: true, tailLines: try await tailLines())
                for try await chunk in try await runtime.logs(containerId, from) {
                    for line in encoder.encode(chunk) { try await connection.sendAndFlush(line) }
                }
            } else {
                for chunk in try await runtime.logTail(containerId, bytesMax: request.tailBytes) {
                    for line in encoder.encode(chunk) { try await connection.sendAndFlush(line) }
                }
            }
        } catch is LineConnectionError {
            return
        } catch {
            failure = (error as? RuntimeError)?.message ?? "\(error)"
        }
        guard !Task.isCancelled else { return }
        for line in encoder.finish() { connection.send(line) }
        var writer = JSONWriter(capacityBytes: 128)
        WorkerRequest(id: nil, .logEnd(subscription: request.subscription, error: failure)).write(to: &writer)
        connection.send(writer.withUnsafeBytes { [UInt8]($0) })
    }

    /// How many lines the wanted end of the output has; nil if that is all of it.
    ///
    /// Engines begin a stream at a line, so a reader that follows gets whole lines. What is written between this look and
    /// the stream makes it begin later, and leaves no gap.
    private func tailLines() async throws -> Int? {
        guard request.tailBytes > 0 else { return 0 }
        var tail = LogTail(bytesMax: request.tailBytes)
        for try await chunk in try await runtime.logs(containerId, LogRequest(tailLines: request.tailBytes)) {
            tail.append(chunk)
        }
        guard tail.bytesDropped > 0 else { return nil }
        return tail.chunks.reduce(1) { $0 + $1.bytes.count { $0 == UInt8(ascii: "\n") } }
    }
}
