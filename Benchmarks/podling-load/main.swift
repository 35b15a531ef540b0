import Glibc
import LoadSupport

do {
    let options = try Options(Array(CommandLine.arguments.dropFirst()))
    signal(SIGPIPE, SIG_IGN)
    switch options.mode {
    case "podling": try ThroughputModes.podling(options)
    case "beanstalkd": try ThroughputModes.beanstalkd(options)
    case "redis-streams": try ThroughputModes.redisStreams(options)
    case "podling-idle-latency": try LatencyModes.podling(options)
    case "echo-latency": try LatencyModes.echo(options)
    case "echo-server": try EchoServer.run(options.address)
    case "tls-handshakes": try HandshakeMode.run(options)
    case "podling-idle-connections", "echo-idle-connections": try IdleConnections(options: options).run()
    case let mode where mode.hasPrefix("podling-ping"):
        guard let flood = PingLatency.floods[String(mode.dropFirst("podling-ping".count))] else { fallthrough }
        try PingLatency(options: options, flood: flood).run()
    default: throw LoadFailure("no such mode: \(options.mode)\n\(Options.usage)")
    }
} catch {
    Report.say("podling-load: \(error)")
    exit(1)
}
