/// Ids that answers brought: what a line is to be about is mostly there.
struct Learned {
    private static let tasksMax = 512
    private static let cursorsMax = 64

    private var tasks: [[UInt8]] = []
    private var nextTask = 0
    private var cursors: [[UInt8]] = []
    private var nextCursor = 0

    mutating func add(task: [UInt8]) { Self.add(task, to: &tasks, at: &nextTask, max: Self.tasksMax) }

    mutating func add(cursor: [UInt8]) { Self.add(cursor, to: &cursors, at: &nextCursor, max: Self.cursorsMax) }

    /// Draws the same number of times whatever is known, so that the lines after it stay those of the seed.
    func task(_ random: inout SplitMix64) -> [UInt8] { Self.one(of: tasks, &random, else: "t000000000000") }

    func cursor(_ random: inout SplitMix64) -> [UInt8] { Self.one(of: cursors, &random, else: "another:1") }

    private static func add(_ id: [UInt8], to ring: inout [[UInt8]], at next: inout Int, max: Int) {
        if ring.count < max {
            ring.append(id)
        } else {
            ring[next % max] = id
            next &+= 1
        }
    }

    private static func one(of ring: [[UInt8]], _ random: inout SplitMix64, else other: StaticString) -> [UInt8] {
        let draw = random.below(tasksMax)
        guard !ring.isEmpty else {
            return Array(UnsafeBufferPointer(start: other.utf8Start, count: other.utf8CodeUnitCount))
        }
        return ring[draw % ring.count]
    }
}

/// An attempt that a session was assigned.
struct Assigned {
    var task: [UInt8]
    var attempt: Int
}
