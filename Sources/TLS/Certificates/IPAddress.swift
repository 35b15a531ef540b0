import Glibc

/// An IPv4 or IPv6 address without a zone.
struct IPAddress: Equatable {
    /// The form that inet_ntop(3) writes.
    let text: String

    /// - Parameter bytes: 4 or 16, in network order; nil for any other count.
    init?(bytes: UnsafeRawBufferPointer) {
        let family: Int32
        switch bytes.count {
        case 4: family = AF_INET
        case 16: family = AF_INET6
        default: return nil
        }
        var space = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(family, bytes.baseAddress, &space, socklen_t(space.count)) != nil else { return nil }
        text = String(decoding: space.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Parses an address; nil for anything else.
    init?(_ text: String) {
        var space = in6_addr()
        let count = inet_pton(AF_INET, text, &space) == 1 ? 4 : inet_pton(AF_INET6, text, &space) == 1 ? 16 : 0
        guard
            let address = withUnsafeBytes(
                of: &space,
                { IPAddress(bytes: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            )
        else { return nil }
        self = address
    }
}
