import NIOCore
import NIOPosix
import PodlingClient
import PodlingProtocol
import PodlingTLS
import Synchronization

/// A scripted master on a free loopback port.
final class FakeMaster: Sendable {
    /// A request, for the script.
    struct Request: Sendable {
        /// Counted from 0.
        let connection: Int
        let op: String
        /// As it stands in the line.
        let id: String
        let line: String

        func text(_ name: StaticString) -> String? {
            var reader = JSONReader()
            return Array(line.utf8).withUnsafeBytes { try? reader.parse($0).root[name]?.string() }
        }

        func int(_ name: StaticString) -> Int? {
            var reader = JSONReader()
            return Array(line.utf8).withUnsafeBytes { try? reader.parse($0).root[name]?.int() }
        }

        func ok(_ object: String) -> Step { .send("{\"re\":\(id),\"ok\":\(object)}") }

        func error(_ code: String, retryable: Bool = false) -> Step {
            .send("{\"re\":\(id),\"err\":{\"code\":\"\(code)\",\"msg\":\"scripted\",\"retryable\":\(retryable)}}")
        }
    }

    enum Step: Sendable {
        case send(String)
        case close
    }

    typealias Script = @Sendable (Request) -> [Step]

    static let greeting = #"{"ev":"hello","proto":[1,1],"auth":"none","line_max":1048576,"server":"fake/0"}"#

    private let channel: any Channel
    private let log: RequestLog

    /// The reply of a master with TLS to a client that speaks plaintext.
    static let tlsRequired =
        #"{"ev":"error","err":{"code":"tls_required","msg":"scripted","retryable":false,"fatal":true}}"#

    /// - Parameters:
    ///   - tls: speaks TLS by this context.
    ///   - hello: answers hello; nil accepts it.
    static func start(
        greeting: String? = greeting,
        tls: TLSContext? = nil,
        hello: Script? = nil,
        _ script: @escaping Script
    ) async throws -> FakeMaster {
        let log = RequestLog()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        let answer = PlaintextAnswer(ByteBuffer(string: tlsRequired + "\n"), isForSilence: false)
                        let handler = TLSHandler(try TLSEngine(server: tls), answerToPlaintext: answer)
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                    let handler = FakeMasterHandler(
                        log.open(channel),
                        greeting: greeting,
                        log: log,
                        hello: hello,
                        script: script
                    )
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return FakeMaster(channel, log)
    }

    private init(_ channel: any Channel, _ log: RequestLog) {
        self.channel = channel
        self.log = log
    }

    var address: MasterAddress { MasterAddress(host: "127.0.0.1", port: channel.localAddress?.port ?? 0) }

    var requests: [Request] { log.requests }

    /// Sends an unsolicited line.
    func push(_ line: String, connection: Int) {
        log.channel(connection)?.writeAndFlush(ByteBuffer(string: line + "\n"), promise: nil)
    }

    func drop(connection: Int) {
        log.channel(connection)?.close(promise: nil)
    }

    func stop() async {
        try? await channel.close().get()
    }
}

final class RequestLog: Sendable {
    private let state = Mutex<(requests: [FakeMaster.Request], channels: [any Channel])>(([], []))

    var requests: [FakeMaster.Request] { state.withLock { $0.requests } }

    func open(_ channel: any Channel) -> Int {
        state.withLock { state in
            state.channels.append(channel)
            return state.channels.count - 1
        }
    }

    func channel(_ index: Int) -> (any Channel)? {
        state.withLock { $0.channels.indices.contains(index) ? $0.channels[index] : nil }
    }

    func append(_ request: FakeMaster.Request) {
        state.withLock { $0.requests.append(request) }
    }
}

private final class FakeMasterHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: Int
    private let greeting: String?
    private let log: RequestLog
    private let hello: FakeMaster.Script
    private let script: FakeMaster.Script
    private var decoder = LineDecoder(lineBytesMax: Limits.lineBytesMax)

    init(
        _ connection: Int,
        greeting: String?,
        log: RequestLog,
        hello: FakeMaster.Script?,
        script: @escaping FakeMaster.Script
    ) {
        self.connection = connection
        self.greeting = greeting
        self.log = log
        self.hello = hello ?? { [$0.ok(#"{"proto":1,"epoch":"e","session":1}"#)] }
        self.script = script
    }

    func channelActive(context: ChannelHandlerContext) {
        if let greeting { write(greeting, context) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var lines: [[UInt8]] = []
        _ = unwrapInboundIn(data).withUnsafeReadableBytes { bytes in
            decoder.process(bytes) { line in
                lines.append([UInt8](line))
                return true
            }
        }
        for line in lines { answer(line, context) }
    }

    private func answer(_ line: [UInt8], _ context: ChannelHandlerContext) {
        var reader = JSONReader()
        let head = line.withUnsafeBytes { bytes -> (String, String)? in
            guard let root = try? reader.parse(bytes).root, let op = root["op"]?.string() else { return nil }
            return (op, root["id"].map { String(decoding: $0.raw, as: UTF8.self) } ?? "null")
        }
        guard let (op, id) = head else { return }
        let text = String(decoding: line, as: UTF8.self)
        let request = FakeMaster.Request(connection: connection, op: op, id: id, line: text)
        log.append(request)
        let steps = op == "hello" ? hello(request) : script(request)
        for step in steps {
            switch step {
            case .send(let line): write(line, context)
            case .close: context.close(promise: nil)
            }
        }
    }

    private func write(_ line: String, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: line + "\n")), promise: nil)
    }
}
