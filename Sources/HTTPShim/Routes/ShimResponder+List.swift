import HTTPTypes
import Hummingbird
import PodlingProtocol

extension ShimResponder {
    /// Lists all stored tasks; with `limit`, `cursor` or `partial`, one page of them, with the next page's address and the
    /// number of the tasks that were left out in the headers.
    func listTasks(_ request: Request) async throws -> Response {
        let query = try RequestChecks.query(
            request,
            allowed: ["status", "nodeId", "name", "history", "limit", "cursor", "partial"]
        )
        if let nodeId = query["nodeId"] { try Identifier.checkNode(nodeId) }
        let history = try Self.truth("history", of: query)
        let isPartial = try Self.truth("partial", of: query) ?? false
        let limit = try query["limit"].map(Self.limit)
        // What only the store has cannot be listed without it.
        let opening = Self.listOpening(query, history: history ?? !isPartial, isPartial: isPartial)
        let source = PageSource(member: "tasks", opening: opening, ask: ask)
        // How many were left out is known before the body of one page, and not before that of all.
        guard limit != nil || query["cursor"] != nil || isPartial else { return try await source.all() }
        let page = try await source.page(cursor: query["cursor"], limit: limit ?? Limits.pageItemsDefault)
        var headers = HTTPFields()
        if page.withheldCount > 0 { headers.set("X-Withheld", String(page.withheldCount)) }
        if let cursor = page.cursor {
            headers.set("X-Next-Cursor", cursor)
            var next = query
            next["cursor"] = cursor
            let parameters = next.sorted { $0.key < $1.key }.map { "\($0.key)=\(PercentCoding.encoded($0.value))" }
            headers.set("Link", "</api/v1/tasks?\(parameters.joined(separator: "&"))>; rel=\"next\"")
        }
        return PageSource.whole(page, headers: headers)
    }

    func listNodes() async throws -> Response {
        try await PageSource(member: "nodes", opening: Array(#"{"op":"nodes""#.utf8), ask: ask).all()
    }

    private static func truth(_ name: String, of query: [String: String]) throws -> Bool? {
        guard let text = query[name] else { return nil }
        guard let truth = Bool(text) else { throw HTTPProblem.badRequest("\(name) is true or false", field: name) }
        return truth
    }

    private static func limit(_ text: String) throws -> Int {
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let limit = Int(text),
            (1...Limits.pageItemsMax).contains(limit)
        else { throw HTTPProblem.badRequest("limit is 1 to \(Limits.pageItemsMax)", field: "limit") }
        return limit
    }

    /// Builds the request; `status` may name several, separated by commas.
    private static func listOpening(_ query: [String: String], history: Bool, isPartial: Bool) -> [UInt8] {
        jsonBytes { out in
            out.beginObject("op", word: "list")
            out.member("history", history)
            if isPartial { out.member("partial", true) }
            if let status = query["status"] {
                out.key("status")
                out.beginArray()
                for (index, name) in status.split(separator: ",", omittingEmptySubsequences: false).enumerated() {
                    out.comma(before: index)
                    out.string(String(name))
                }
                out.endArray()
            }
            out.member("nodeId", ifAny: query["nodeId"])
            out.member("name", ifAny: query["name"])
        }
    }
}

extension HTTPFields {
    /// Sets a header that `HTTPField.Name` has no constant for.
    fileprivate mutating func set(_ name: String, _ value: String) {
        if let name = HTTPField.Name(name) { self[name] = value }
    }
}
