import Glibc
import LoadSupport

do {
    let options = try FuzzOptions(Array(CommandLine.arguments.dropFirst()))
    // SSL_write does not know MSG_NOSIGNAL.
    signal(SIGPIPE, SIG_IGN)
    exit(try Fuzzer(options).run() ? 0 : 1)
} catch {
    Report.say("podling-fuzz: \(error)")
    exit(2)
}
