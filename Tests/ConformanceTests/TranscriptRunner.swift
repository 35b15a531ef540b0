import PodlingProtocol
import TestSupport

/// Plays a transcript against a master, over as many connections as it names.
struct TranscriptRunner: ~Copyable {
    /// Over the bounds of the protocol that a transcript may wait for (10 s for a first line).
    private static let lineSeconds = 25.0

    private let host: String
    private let port: UInt16
    private var connections: [String: LineConnection] = [:]
    private var matcher = TranscriptMatcher()
    /// What was said, by connection.
    private(set) var traffic: [String: Traffic] = [:]

    init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    mutating func run(_ transcript: Transcript) throws {
        for step in transcript.steps {
            do {
                try perform(step)
            } catch {
                throw TranscriptFailure(step.lineNumber, "\(error)")
            }
        }
    }

    private mutating func perform(_ step: Transcript.Step) throws {
        let connection = try connections[step.connection] ?? LineConnection(host: host, port: port)
        connections[step.connection] = connection
        switch step.action {
        case .send(let line): try send(Array(try matcher.fill(line).utf8) + [UInt8(ascii: "\n")], step, connection)
        case .sendBytes(let bytes): try send(bytes, step, connection)
        case .closeSending: connection.closeSending()
        case .drop: connections[step.connection] = nil
        case .expect(let wanted):
            guard let line = try connection.readLine(seconds: Self.lineSeconds) else {
                throw MatchFailure("the master closed the connection")
            }
            traffic[step.connection, default: Traffic()].came(line + [UInt8(ascii: "\n")])
            do {
                try matcher.match(wanted: wanted, found: line)
            } catch {
                throw MatchFailure("\(error)\n  wanted \(wanted)\n  came   \(String(decoding: line, as: UTF8.self))")
            }
        case .expectClosed:
            guard let line = try connection.readLine(seconds: Self.lineSeconds) else { return }
            throw MatchFailure("the end of the stream was wanted, came \(String(decoding: line, as: UTF8.self))")
        }
    }

    private mutating func send(_ bytes: [UInt8], _ step: Transcript.Step, _ connection: LineConnection) throws {
        try connection.send(bytes)
        traffic[step.connection, default: Traffic()].sent(bytes)
    }
}
