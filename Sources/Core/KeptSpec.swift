import PodlingProtocol

/// A spec that a store or an export kept.
struct KeptSpec {
    let summary: TaskSummary
    /// Why no worker can run it; nil where one can.
    let fault: WireError?

    /// - Parameters:
    ///   - spec: the members without the braces.
    ///   - id: the task's id as it is written.
    /// - Returns: nil where this is no spec at all.
    init?(_ spec: [UInt8], id: String) {
        var reader = JSONReader()
        let line = [UInt8(ascii: "{")] + spec + [UInt8(ascii: "}")]
        let made: (TaskSummary, WireError?)? = line.withUnsafeBytes { bytes in
            guard let root = try? reader.parse(bytes).root else { return nil }
            do throws(WireError) {
                return (try TaskSummary(root, isEnvelope: false), Self.fault(ofID: id))
            } catch {
                return TaskSummary(unchecked: root).map { ($0, error) }
            }
        }
        guard let made else { return nil }
        (summary, fault) = made
    }

    private static func fault(ofID id: String) -> WireError? {
        var id = id
        let isRunnable = id.withUTF8 { NameRules.isRunnableTaskID(UnsafeRawBufferPointer($0)) }
        return isRunnable ? nil : .field("taskId", "cannot name a container: that takes 1 to 128 of A-Z a-z 0-9 - _ .")
    }
}
