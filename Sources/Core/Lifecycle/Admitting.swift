import PodlingProtocol

/// Admission control for new tasks: their number, bytes and shapes.
extension MasterCore {
    /// Whether terminal tasks have to be evicted, as live ones need their bytes.
    var isOverBytes: Bool { tasks.byteCost > configuration.tasksBytesMax && !tasks.ended.isEmpty }

    func checkRoom(for new: [TaskSummary]) throws(WireError) {
        var cost = 0
        var newShapes: Set<ShapeKey> = []
        for summary in new {
            cost += TaskRecord(id: tasks.nextID, createdAt: 0, summary: summary).byteCost
            let key = ShapeKey(summary)
            if !pending.shapes.isKnown(key) { newShapes.insert(key) }
        }
        try checkRoom(for: new.count, byteCost: cost, shapes: newShapes.count)
    }

    func checkRoom(for count: Int, byteCost: Int, shapes newShapes: Int) throws(WireError) {
        guard tasks.liveCount + count <= configuration.liveTasksMax else {
            let message = "\(configuration.liveTasksMax) live tasks are the most this master takes"
            throw Self.overloaded(message)
        }
        // Terminal tasks do not count here, as they are evicted on demand.
        guard tasks.byteCost - tasks.endedByteCost + byteCost <= configuration.tasksBytesMax else {
            throw Self.overloaded(
                "the specs of all live tasks may take \(configuration.tasksBytesMax) bytes (--tasks-bytes-max), and with "
                    + "this they would take more"
            )
        }
        guard newShapes == 0 || pending.shapes.count + newShapes <= configuration.shapesMax else {
            throw Self.overloaded(
                "resources: live tasks ask for \(pending.shapes.count) different sets of cpu, memory and nodeSelector, and "
                    + "\(configuration.shapesMax) are the most this master takes; ask for rounder amounts"
            )
        }
    }

    private static func overloaded(_ message: String) -> WireError {
        WireError(.overloaded, message, retryAfterMilliseconds: 1_000)
    }
}
