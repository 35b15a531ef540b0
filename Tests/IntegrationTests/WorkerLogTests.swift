import Glibc
import TestSupport
import Testing

/// A master that sends invalid lines cannot fill a worker's disk.
@Suite(.timeLimit(.minutes(5))) struct WorkerLogTests {
    private static let nonsenseCount = 100_000

    /// Takes one connection, greets, and sends its lines while it reads what comes.
    private static func talk(on listener: Int32) throws {
        defer { close(listener) }
        var waiting = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, 60_000) > 0 else { throw TestSupportError("no worker came") }
        let peer = LineConnection(accepted: LineConnection.accept(on: listener))
        try peer.send(line: #"{"ev":"hello","proto":[1,1],"auth":"none","line_max":1048576,"server":"x"}"#)
        let nonsense = Array(String(repeating: #"{"ev":"assign","taskId":7}"# + "\n", count: 1_000).utf8)
        for _ in 0..<nonsenseCount / 1_000 { try peer.send(nonsense, seconds: 60) }
        // It has read all of them once it has no more to say.
        peer.closeSending()
        while try peer.readLine(seconds: 60) != nil {}
    }

    @Test func nonsenseIsLoggedAtABoundedRate() async throws {
        try await onThread {
            let (listener, port) = try LineConnection.listen()
            let start = ContinuousClock.now
            let worker = try ProgramProcess(
                ProductsDirectory.program("podling-worker"),
                [
                    "--master", "127.0.0.1:\(port)", "--engine", "process", "--state-dir", "$DIR/state", "--node-id",
                    "n1",
                ]
            )
            try Self.talk(on: listener)
            let told = Deadline.after(seconds: 60).poll {
                worker.output.contains("log lines of the level warning were left out: there were too many in a second")
                    ? true : nil
            }
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            let output = worker.output
            #expect(told == true, "\(output.prefix(2_000))")
            // A hundred in each second that was begun, of each level.
            let nonsense = output.split(separator: "\n").filter { $0.contains("makes no sense") }.count
            #expect(Double(nonsense) <= 100 * (seconds + 2), "\(nonsense) lines in \(seconds) s")
            worker.terminate()
        }
    }
}
