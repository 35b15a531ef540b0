import COpenSSL
import Glibc
import LoadSupport

/// Full handshakes, one after the other, as `openssl s_time -new` makes them.
enum HandshakeMode {
    static func run(_ options: Options) throws {
        guard let client = try options.tlsClient() else { throw LoadFailure("tls-handshakes needs --tls-ca FILE") }
        let start = nanosecondsNow()
        let end = start + nanoseconds(options.seconds)
        var count = 0
        while nanosecondsNow() < end {
            let descriptor = try Socket.connect(options.address)
            SSL_free(try client.handshake(descriptor))
            close(descriptor)
            count += 1
        }
        let seconds = Double(nanosecondsNow() - start) / 1e9
        var report = Report(mode: options.mode)
        report.add("handshakes_per_second", Double(count) / seconds)
        report.add("handshakes", count)
        report.write()
    }
}
