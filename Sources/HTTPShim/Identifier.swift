import PodlingProtocol

/// Ids out of a path or a query, checked before they are used.
enum Identifier {
    static func checkTask(_ text: String) throws(HTTPProblem) {
        guard isValid(text, by: NameRules.isTaskID) else {
            throw .badRequest("a task id is 1 to 63 of a-z 0-9 -", field: "taskId")
        }
    }

    static func checkNode(_ text: String) throws(HTTPProblem) {
        guard isValid(text, by: NameRules.isNodeName) else {
            throw .badRequest("a node id is 1 to 63 of A-Z a-z 0-9 - _ .", field: "nodeId")
        }
    }

    private static func isValid(_ text: String, by rule: (UnsafeRawBufferPointer) -> Bool) -> Bool {
        var text = text
        return text.withUTF8 { rule(UnsafeRawBufferPointer($0)) }
    }
}
