/// Identifies one attempt at one task, for which at most one container exists.
package struct AttemptKey: Hashable, Sendable {
    package var taskId: String
    package var attempt: Int

    package init(taskId: String, attempt: Int) {
        self.taskId = taskId
        self.attempt = attempt
    }
}
