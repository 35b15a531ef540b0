/// One attempt at one task: what at most one container exists for.
package struct AttemptKey: Hashable, Sendable {
    package var taskId: String
    package var attempt: Int

    package init(taskId: String, attempt: Int) {
        self.taskId = taskId
        self.attempt = attempt
    }
}
