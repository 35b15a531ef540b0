import Synchronization
import TestSupport

/// Where the masters are. A test changes it when it moves one.
final class Masters: Sendable {
    private let addresses: Mutex<[String]>

    init(_ addresses: [String]) { self.addresses = Mutex(addresses) }

    func replace(_ new: [String]) { addresses.withLock { $0 = new } }

    /// A connection to the one that leads, or nil where there is none now.
    func connect() -> LineConnection? {
        for address in addresses.withLock({ $0 }) {
            let parts = address.split(separator: ":")
            guard parts.count == 2, let port = UInt16(parts[1]) else { continue }
            guard let connection = try? LineConnection(host: String(parts[0]), port: port) else { continue }
            // A master that is stopped is connected to by the kernel, and says nothing.
            guard let line = try? connection.readLine(seconds: 1), let hello = try? Message(line) else { continue }
            if hello.event == "hello", !hello.isStandby { return connection }
        }
        return nil
    }

    /// Asks the one that leads, over connections of its own until there is an answer.
    func ask(_ request: String, seconds: Double = 60) throws -> [UInt8] {
        let deadline = Deadline.after(seconds: seconds)
        var last = "no master leads"
        let answer = deadline.poll { () -> [UInt8]? in
            guard let connection = connect() else { return nil }
            guard (try? connection.send(line: request)) != nil, let line = try? connection.readLine(seconds: 10) else {
                return nil
            }
            guard (try? Message(line))?.isOK == true else {
                last = String(decoding: line, as: UTF8.self)
                return nil
            }
            return line
        }
        guard let answer else { throw TestSupportError("\(request): \(last)") }
        return answer
    }

    /// Every task that is kept, by `list`.
    func list() throws -> [Listed] {
        var all: [Listed] = []
        var cursor = ""
        while true {
            let page = try Listed.page(ask(#"{"op":"list","id":1,"history":true,"limit":1000\#(cursor)}"#))
            all += page.tasks
            guard let next = page.cursor else { return all }
            cursor = #","cursor":"\#(next)""#
        }
    }
}
