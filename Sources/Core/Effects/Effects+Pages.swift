import PodlingProtocol

/// The reply with a page: an array of objects, and a cursor if there are more.
extension Effects {
    /// - Parameter head: the brace, and the array's name with its colon.
    mutating func beginPage(_ request: some Asked, _ head: StaticString) {
        beginReply(request)
        writer.raw(head)
        writer.byte(UInt8(ascii: "["))
    }

    mutating func endPage(cursor: String?) {
        writer.byte(UInt8(ascii: "]"))
        if let cursor {
            writer.raw(",\"cursor\":")
            writer.string(cursor)
        }
        writer.byte(UInt8(ascii: "}"))
        endReply()
    }

    /// Replies with the first of these nodes, within the bounds of a page.
    mutating func replyPage<Node: NodeMembers>(
        _ request: some Asked,
        _ nodes: some RandomAccessCollection<Node>,
        limit: Int
    ) {
        beginPage(request, "{\"nodes\":")
        let start = writer.count
        var last: Node?
        var count = 0
        for node in nodes.prefix(limit) where writer.count - start < Limits.pageBytesMax {
            if count > 0 { writer.byte(UInt8(ascii: ",")) }
            node.write(to: &writer)
            last = node
            count += 1
        }
        endPage(cursor: count < nodes.count ? last?.id : nil)
    }
}
