import PodlingProtocol

/// The reply with a page: an array of objects, and a cursor if there are more.
extension Effects {
    mutating func beginPage(_ request: Request, of name: StaticString) {
        beginReply(request)
        writer.beginObject(name)
        writer.beginArray()
    }

    mutating func endPage(cursor: String?) {
        writer.endArray()
        writer.member("cursor", ifAny: cursor)
        writer.endObject()
        endReply()
    }

    /// Replies with the first of these nodes, within the bounds of a page.
    mutating func replyPage<Node: NodeMembers>(
        _ request: Request,
        _ nodes: some RandomAccessCollection<Node>,
        limit: Int
    ) {
        beginPage(request, of: "nodes")
        let start = writer.count
        var last: Node?
        var count = 0
        for node in nodes.prefix(limit) where writer.count - start < Limits.pageBytesMax {
            writer.comma(before: count)
            node.write(to: &writer)
            last = node
            count += 1
        }
        endPage(cursor: count < nodes.count ? last?.id : nil)
    }
}
