import PodlingProtocol

/// Validates ids from a path or a query before they are used.
enum Identifier {
    /// Parses a task's id from a path segment, with `%XX` for what a path cannot hold (RFC 3986, section 2.1).
    static func task(_ segment: String) throws(HTTPProblem) -> String {
        guard let text = PercentCoding.decoded(segment), text.follows(NameRules.isTaskID) else {
            throw .badRequest("a task id is 1 to 1020 bytes of UTF-8, with %XX where a path needs it", field: "taskId")
        }
        return text
    }

    static func checkNode(_ text: String) throws(HTTPProblem) {
        guard text.follows(NameRules.isNodeName) else {
            throw .badRequest("a node id is 1 to 63 of A-Z a-z 0-9 - _ .", field: "nodeId")
        }
    }
}
