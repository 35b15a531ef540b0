/// A request to the master.
package struct WorkerRequest: Sendable, Equatable {
    package enum Body: Sendable, Equatable {
        case hello(node: String, instance: String, agent: String)
        case ping
        case register(AgentConfiguration, attempts: [AttemptKey])
        case heartbeat
        /// A heartbeat that reports an unavailable engine, and why.
        case sickHeartbeat(engineError: String)
        case deregister
        case accept(AttemptKey)
        case reject(AttemptKey, error: String)
        case status(AttemptKey, AttemptReport)
        case logEnd(subscription: Int, LogEndReport)
    }

    /// nil where no reply is wanted.
    package var id: Int?
    package var body: Body

    package init(id: Int?, _ body: Body) {
        self.id = id
        self.body = body
    }
}
