import PodlingProtocol

/// The table of legal transitions (proto-spec.md, section 11).
enum TaskTransitions {
    static func isLegal(from: TaskStatus, to: TaskStatus) -> Bool {
        switch from {
        case .pending: to == .scheduled || to == .cancelled || to == .failed
        case .scheduled: to != .scheduled
        case .running: to != .scheduled && to != .running
        case .completed, .failed, .cancelled: false
        }
    }
}
