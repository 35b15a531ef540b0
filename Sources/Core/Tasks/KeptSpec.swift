import PodlingProtocol

/// A spec that a store or an export kept.
struct KeptSpec: Sendable {
    let summary: TaskSummary
    /// Why no worker can run it; nil if one can.
    let fault: WireError?

    /// - Parameters:
    /// - spec: the members without the braces.
    /// - id: the task's id as text.
    /// - Returns: nil if it is not a spec at all.
    init?(_ spec: [UInt8], id: String) {
        var reader = JSONReader()
        let made: (TaskSummary, WireError?)? = reader.readObject(ofMembers: spec) { root in
            do throws(WireError) {
                return (try TaskSummary(root, isEnvelope: false), TaskObject.fault(ofID: id))
            } catch {
                return TaskSummary(unchecked: root).map { ($0, error) }
            }
        }
        guard let made else { return nil }
        (summary, fault) = made
    }

    init(_ task: TaskObject) {
        summary = task.summary
        fault = task.fault
    }
}
