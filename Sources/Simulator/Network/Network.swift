/// Who reaches whom: hosts are numbered, and each direction between two of them can be lost.
final class Network {
    private let world: World
    private var random: SplitMix64
    private let hostCount: Int
    /// Microseconds until which nothing arrives, by direction.
    private var lostUntil: [Int64]
    private(set) var nextSocket = 0

    init(_ world: World, hosts: Int) {
        self.world = world
        random = world.split()
        hostCount = hosts
        lostUntil = Array(repeating: 0, count: hosts * hosts)
    }

    func isLost(from: Int, to: Int) -> Bool { lostUntil[from * hostCount + to] > world.now }

    func isReachable(_ one: Int, _ other: Int) -> Bool {
        !isLost(from: one, to: other) && !isLost(from: other, to: one)
    }

    func lose(from: Int, to: Int, milliseconds: Int64) {
        lostUntil[from * hostCount + to] = world.now + milliseconds * 1_000
    }

    func heal() { for index in lostUntil.indices { lostUntil[index] = 0 } }

    /// Microseconds for one way.
    func latency() -> Int64 {
        switch random.below(100) {
        case 0..<80: random.inside(50...400)
        case 80..<98: random.inside(400...4_000)
        default: random.inside(4_000...60_000)
        }
    }

    /// How many of these bytes arrive together.
    func cut(_ count: Int) -> Int {
        guard count > 1, world.strikes(.cutBytes, onceIn: 12, &random) else { return min(count, Socket.readBytesMax) }
        return min(1 + random.below(count), Socket.readBytesMax)
    }

    func takeNumber() -> Int {
        nextSocket += 1
        return nextSocket
    }

    func strikes(_ fault: Fault, onceIn count: Int) -> Bool { world.strikes(fault, onceIn: count, &random) }

    /// Connects two processes; `done` gets this side, or nil where that failed.
    func connect(_ from: Process, to: Process, _ done: @escaping (Socket?) -> Void) {
        guard isReachable(from.host, to.host) else {
            return from.after(3_000_000) { done(nil) }
        }
        from.after(latency()) { [self] in
            guard to.isUp, !to.isPaused, isReachable(from.host, to.host), !strikes(.refusedConnection, onceIn: 40)
            else {
                return done(nil)
            }
            let (mine, other) = Socket.pair(world, self, from, to)
            done(mine)
            guard mine.isOpen else { return }
            if !to.accept(other) { other.reset() }
        }
    }
}
