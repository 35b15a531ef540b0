import Glibc
import NIOCore
import NIOPosix

/// Resolves a name to all its addresses.
enum HostLookup {
    static let addressesMax = 16
    static let timeoutSeconds: Int64 = 10

    /// The error for a name without addresses.
    struct Failure: Error {
        let text: String
    }

    /// - Returns: IP addresses in the order in which to try them.
    /// - Throws: `Failure`.
    static func addresses(of host: String, on loop: any EventLoop) async throws -> [String] {
        let found = NIOThreadPool.singleton.runIfActive(eventLoop: loop) { try ask(host) }
        let promise = loop.makePromise(of: [String].self)
        // The resolver may hang for longer than anybody waits.
        let deadline = loop.scheduleTask(in: .seconds(timeoutSeconds)) {
            promise.fail(Failure(text: "no answer within \(timeoutSeconds) s"))
        }
        found.whenComplete { result in
            deadline.cancel()
            promise.completeWith(result)
        }
        return try await promise.futureResult.get()
    }

    private static func ask(_ host: String) throws -> [String] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else { throw Failure(text: String(cString: gai_strerror(code))) }
        defer { freeaddrinfo(list) }
        var addresses: [String] = []
        var next = list
        while let entry = next, addresses.count < addressesMax {
            next = entry.pointee.ai_next
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let length = socklen_t(text.count)
            guard
                getnameinfo(entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, length, nil, 0, NI_NUMERICHOST) == 0
            else { continue }
            let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            let address = String(decoding: bytes, as: UTF8.self)
            if !addresses.contains(address) { addresses.append(address) }
        }
        return addresses
    }
}
