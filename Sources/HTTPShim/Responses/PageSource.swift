import HTTPTypes
import Hummingbird
import NIOCore
import PodlingProtocol

/// Fetches a list from the master, page by page.
struct PageSource: Sendable {
    /// The reply's member with the objects: `tasks` or `nodes`.
    let member: StaticString
    /// The start of the request: `{"op":"list"` and its filters.
    let opening: [UInt8]
    let ask: @Sendable ([UInt8]) async throws -> DoorReply

    struct Page: Sendable {
        /// The objects, verbatim, with the commas between them.
        let items: ByteBuffer
        /// The cursor of the next page; nil after the last.
        let cursor: String?
        /// The number of objects that were left out, as the store does not have their last changes yet.
        let withheldCount: Int
    }

    func page(cursor: String?, limit: Int) async throws -> Page {
        let line = jsonBytes { out in
            out.raw(opening)
            out.member("limit", limit)
            out.member("cursor", ifAny: cursor)
            out.endObject()
        }
        return try await ask(line).ok { ok, _ in
            guard let items = ok[member], items.isArray else { throw HTTPProblem.badReply }
            let inner = items.raw.dropFirst().dropLast()
            let isBlank = items.count == 0
            return Page(
                items: isBlank ? ByteBuffer() : ByteBuffer(bytes: inner),
                cursor: ok["cursor"]?.string(),
                withheldCount: ok["withheld"]?.int() ?? 0
            )
        }
    }

    /// Streams all pages as one JSON array, one page in memory at a time. A page is requested when the connection has
    /// taken the one before (back-pressure). When the master fails halfway the connection is closed, so that a part
    /// cannot pass for the whole.
    func all() async throws -> Response {
        let first = try await page(cursor: nil, limit: Limits.pageItemsMax)
        guard first.cursor != nil else { return Self.whole(first) }
        return .json(
            ResponseBody { writer in
                var page = first
                try await writer.write(ByteBuffer(string: "["))
                var needsComma = false
                while true {
                    if page.items.readableBytes > 0 {
                        let comma = ByteBuffer(string: ",")
                        try await writer.write(contentsOf: needsComma ? [comma, page.items] : [page.items])
                        needsComma = true
                    }
                    guard let cursor = page.cursor else { break }
                    page = try await self.page(cursor: cursor, limit: Limits.pageItemsMax)
                }
                try await writer.write(ByteBuffer(string: "]\n"))
                try await writer.finish(nil)
            }
        )
    }

    /// One page as a JSON array.
    static func whole(_ page: Page, headers: HTTPFields = [:]) -> Response {
        var body = ByteBuffer(string: "[")
        body.writeImmutableBuffer(page.items)
        body.writeString("]\n")
        return .json(ResponseBody(byteBuffer: body), headers: headers)
    }
}
