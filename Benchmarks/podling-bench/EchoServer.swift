import Glibc
import NIOCore
import NIOPosix

/// A bare NIO server that sends back what it gets: the limit that the master's latency is put beside.
enum EchoServer {
    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            context.writeAndFlush(data, promise: nil)
        }
    }

    /// Serves until the process ends; prints `listen=127.0.0.1:PORT` once it does.
    static func run(port: Int) throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let channel = try ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler())
                }
            }
            .bind(host: "127.0.0.1", port: port).wait()
        print("listen=127.0.0.1:\(channel.localAddress?.port ?? 0)")
        // A pipe would hold the line back.
        fflush(nil)
        try channel.closeFuture.wait()
    }
}
