import FoundationEssentials
import NIOCore
import NIOPosix

@testable import PodlingClient

/// What waits for whom: items put in are taken out in order, each wait with a deadline.
actor Mailbox<Item: Sendable> {
    struct Empty: Error {}

    private var items: [Item] = []
    private var waiter: CheckedContinuation<Item, any Error>?
    private var turn = 0

    func put(_ item: Item) {
        if let waiter {
            self.waiter = nil
            waiter.resume(returning: item)
        } else {
            items.append(item)
        }
    }

    func take(seconds: Double = 20) async throws -> Item {
        if !items.isEmpty { return items.removeFirst() }
        turn += 1
        let turn = turn
        let timer = Task {
            try await Task.sleep(for: .seconds(seconds))
            giveUp(turn)
        }
        defer { timer.cancel() }
        return try await withCheckedThrowingContinuation { waiter = $0 }
    }

    private func giveUp(_ turn: Int) {
        guard turn == self.turn else { return }
        waiter?.resume(throwing: Empty())
        waiter = nil
    }
}

/// A master on a free loopback port that says only what the test says.
final class ScriptedMaster: Sendable {
    let address: MasterAddress
    private let sessions = Mailbox<MasterSession>()
    private let server: Task<Void, any Error>

    init() async throws {
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try LineConnection.adopt(channel, address: MasterAddress(host: "127.0.0.1"))
                }
            }
        address = MasterAddress(host: "127.0.0.1", port: channel.channel.localAddress?.port ?? 0)
        let sessions = sessions
        server = Task {
            try await channel.executeThenClose { inbound in
                for try await connection in inbound { await sessions.put(MasterSession(connection)) }
            }
        }
    }

    deinit { server.cancel() }

    /// The next worker that connects.
    func accept() async throws -> MasterSession { try await sessions.take() }

    /// The next worker, greeted and registered; what it said of itself.
    func register(
        leaseMilliseconds: Int = 15_000,
        heartbeatMilliseconds: Int = 5_000,
        kill: String = "[]"
    ) async throws -> (MasterSession, SentLine) {
        let session = try await accept()
        session.send(#"{"ev":"hello","proto":[1,1],"auth":"none","line_max":1048576,"server":"test"}"#)
        session.answer(try await session.next("hello"), #"{"proto":1,"epoch":"e1","session":1}"#)
        let registration = try await session.next("register")
        let times = #""lease_ms":\#(leaseMilliseconds),"heartbeat_ms":\#(heartbeatMilliseconds)"#
        session.answer(registration, #"{"epoch":"e1",\#(times),"keep":[],"kill":\#(kill),"lost":[]}"#)
        return (session, registration)
    }
}

/// One connection of a worker, seen from the master.
final class MasterSession: Sendable {
    private let connection: LineConnection
    private let lines = Mailbox<SentLine>()
    private let reader: Task<Void, any Error>

    init(_ connection: LineConnection) {
        self.connection = connection
        let lines = lines
        reader = Task {
            for try await line in connection.inbound {
                await lines.put(try JSONDecoder().decode(SentLine.self, from: Data(line)))
            }
        }
    }

    func send(_ line: String) { connection.send(Array(line.utf8)) }

    func answer(_ line: SentLine, _ ok: String = "{}") {
        send(#"{"re":\#(line.id ?? 0),"ok":\#(ok)}"#)
    }

    func assign(_ taskId: String, image: String = "busybox") {
        send(#"{"ev":"assign","taskId":"\#(taskId)","attempt":1,"spec":{"name":"x","image":"\#(image)"}}"#)
    }

    /// The next line of this operation; heartbeats before it are answered, other lines are passed over.
    func next(_ op: String, status: String? = nil) async throws -> SentLine {
        while true {
            let line = try await lines.take()
            if line.op == op, status == nil || line.status == status { return line }
            if line.op == "heartbeat" { answer(line) }
        }
    }

    /// A report, acknowledged.
    func report(_ status: String) async throws -> SentLine {
        let line = try await next("status", status: status)
        answer(line)
        return line
    }

    func close() { connection.close() }
}

/// The members of a worker's line that tests look at.
struct SentLine: Decodable, Sendable {
    struct Attempt: Decodable, Sendable, Equatable {
        var taskId: String
        var attempt: Int
    }

    var op: String
    var id: Int?
    var taskId: String?
    var attempt: Int?
    var status: String?
    var reason: String?
    var exitCode: Int?
    var containerId: String?
    var node: String?
    var slots: Int?
    var attempts: [Attempt]?
    var sub: Int?
    var stream: String?
    var text: String?
    var b64: String?
    var error: String?
}
